/* What a checkpoint holds beside tensors, as JSON: {"optim": {"lr": 0.001, ...}, "tape": {"seed": 1, "step": 20}, ...} */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint_internal.h"

static void add(fact_list *list, const char *section, const char *name, fact_kind kind, void *place, size_t room) {
    list->facts[list->n++] = (fact){.section = section, .name = name, .kind = kind, .place = place, .room = room};
}

static void add_optim(fact_list *list, heed_optim *opt) {
    add(list, "optim", "lr", FACT_REAL, &opt->lr, 0);
    add(list, "optim", "weight_decay", FACT_REAL, &opt->weight_decay, 0);
    add(list, "optim", "clip_norm", FACT_REAL, &opt->clip_norm, 0);
    add(list, "optim", "clip_value", FACT_REAL, &opt->clip_value, 0);
    add(list, "optim", "last_norm", FACT_REAL, &opt->last_norm, 0);
    add(list, "optim", "steps", FACT_BITS, &opt->steps, 0);
}

static void add_schedule(fact_list *list, heed_schedule *s) {
    list->kind = s->kind;
    add(list, "schedule", "kind", FACT_WHOLE, &list->kind, 0);
    add(list, "schedule", "lr", FACT_REAL, &s->lr, 0);
    add(list, "schedule", "lr_end", FACT_REAL, &s->lr_end, 0);
    add(list, "schedule", "warmup", FACT_WHOLE, &s->warmup, 0);
    add(list, "schedule", "steps", FACT_WHOLE, &s->steps, 0);
    add(list, "schedule", "gamma", FACT_REAL, &s->gamma, 0);
    add(list, "schedule", "every", FACT_WHOLE, &s->every, 0);
    add(list, "schedule", "d_model", FACT_WHOLE, &s->d_model, 0);
}

enum { OWN_FACTS = 32 };

bool facts_of(fact_list *list, const heed_checkpoint *parts) {
    *list = (fact_list){.parts = parts};
    list->facts = calloc(OWN_FACTS + (size_t)parts->n_numbers + (size_t)parts->n_texts, sizeof *list->facts);
    if (list->facts == NULL)
        return false;
    if (parts->optim)
        add_optim(list, parts->optim);
    if (parts->schedule)
        add_schedule(list, parts->schedule);
    if (parts->tape) {
        list->seed = heed_tape_seed(parts->tape);
        list->step = heed_tape_step(parts->tape);
        add(list, "tape", "seed", FACT_BITS, &list->seed, 0);
        add(list, "tape", "step", FACT_BITS, &list->step, 0);
    }
    if (parts->position)
        add(list, "data", "position", FACT_WHOLE, parts->position, 0);
    for (int i = 0; i < parts->n_numbers; i++)
        add(list, "numbers", parts->numbers[i].name, FACT_REAL, parts->numbers[i].value, 0);
    for (int i = 0; i < parts->n_texts; i++)
        add(list, "texts", parts->texts[i].name, FACT_TEXT, parts->texts[i].text, parts->texts[i].room);
    return true;
}

void facts_free(fact_list *list) { free(list->facts); }

/* ---- to JSON ---- */

/* JSON has no word for these. */
static const struct {
    const char *name;
    double value;
} odd[] = {{"inf", INFINITY}, {"-inf", -INFINITY}, {"nan", NAN}};

static json_t *real_to_json(double x) {
    return isfinite(x) ? json_real(x) : json_string(odd[isnan(x) ? 2 : x < 0].name);
}

static json_t *to_json(const fact *f) {
    switch (f->kind) {
    case FACT_REAL: return real_to_json(*(const double *)f->place);
    case FACT_WHOLE: return json_integer(*(const int64_t *)f->place);
    case FACT_BITS: return json_integer((json_int_t)*(const uint64_t *)f->place);
    default: return json_string(f->place);
    }
}

/* The section of that name, made if it is not there. */
static json_t *section_of(json_t *root, const char *name) {
    json_t *section = json_object_get(root, name);
    if (section == NULL && json_object_set_new(root, name, json_object()) == 0)
        section = json_object_get(root, name);
    return section;
}

static json_t *groups_to_json(const heed_optim *opt) {
    json_t *list = json_array();
    for (int g = 0; g < opt->n_groups; g++)
        if (json_array_append_new(list, json_pack("{s:s, s:f, s:f}", "name", opt->groups[g].name, "lr_scale",
                                                  opt->groups[g].options.lr_scale, "weight_decay",
                                                  opt->groups[g].options.weight_decay)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

json_t *facts_to_json(const fact_list *list) {
    json_t *root = json_object();
    const heed_optim *opt = list->parts->optim;
    bool good = root && json_object_set_new(root, "version", json_integer(1)) == 0;
    for (int i = 0; i < list->n && good; i++) {
        const fact *f = &list->facts[i];
        json_t *section = section_of(root, f->section);
        good = section && f->name && json_object_get(section, f->name) == NULL &&
               json_object_set_new(section, f->name, to_json(f)) == 0;
    }
    if (good && opt)
        good = json_object_set_new(json_object_get(root, "optim"), "rule", json_string(opt->rule->name)) == 0 &&
               json_object_set_new(json_object_get(root, "optim"), "groups", groups_to_json(opt)) == 0;
    if (!good) {
        json_decref(root);
        return NULL;
    }
    return root;
}

/* ---- from JSON ---- */

static bool real_from_json(const json_t *json, double *x) {
    const char *word = json_string_value(json);
    if (json_is_number(json)) {
        *x = json_number_value(json);
        return true;
    }
    for (size_t i = 0; word && i < sizeof odd / sizeof *odd; i++)
        if (strcmp(word, odd[i].name) == 0) {
            *x = odd[i].value;
            return true;
        }
    return false;
}

static bool check_fact(const fact *f, const json_t *item, const char *path, heed_error *error) {
    double x;
    if (item == NULL)
        heed_error_set(error, HEED_IO, "%s: the checkpoint holds no %s %s; nothing is changed", path, f->section,
                       f->name);
    else if (f->kind == FACT_REAL   ? !real_from_json(item, &x)
             : f->kind == FACT_TEXT ? !json_is_string(item)
                                    : !json_is_integer(item))
        heed_error_set(error, HEED_IO, "%s: %s %s is not what a checkpoint holds there; nothing is changed", path,
                       f->section, f->name);
    else if (f->kind == FACT_TEXT && json_string_length(item) >= f->room)
        heed_error_set(error, HEED_INVALID, "%s: text %s has %zu bytes, its place has %zu; nothing is changed", path,
                       f->name, json_string_length(item) + 1, f->room);
    return error->status == HEED_OK;
}

static bool positive(const json_t *number) {
    double x = json_number_value(number);
    return json_is_number(number) && x >= 0 && isfinite(x);
}

static bool check_groups(const json_t *groups) {
    bool good = json_is_array(groups) && json_array_size(groups) <= OPTIM_GROUPS;
    for (size_t g = 0; good && g < json_array_size(groups); g++) {
        const json_t *item = json_array_get(groups, g), *name = json_object_get(item, "name");
        good = json_is_string(name) && json_string_length(name) < OPTIM_GROUP_NAME &&
               positive(json_object_get(item, "lr_scale")) && positive(json_object_get(item, "weight_decay"));
    }
    return good;
}

static bool check_optim(const heed_optim *opt, const json_t *section, const char *path, heed_error *error) {
    const char *rule = json_string_value(json_object_get(section, "rule"));
    if (section == NULL)
        heed_error_set(error, HEED_IO, "%s: the checkpoint holds no optimizer; nothing is changed", path);
    else if (rule == NULL || strcmp(rule, opt->rule->name) != 0)
        heed_error_set(error, HEED_INVALID, "%s: the checkpoint is of the optimizer %s, not of %s; nothing is changed",
                       path, rule ? rule : "(none)", opt->rule->name);
    else if (!check_groups(json_object_get(section, "groups")) || !positive(json_object_get(section, "lr")) ||
             !positive(json_object_get(section, "weight_decay")) || !positive(json_object_get(section, "clip_norm")) ||
             !positive(json_object_get(section, "clip_value")))
        heed_error_set(error, HEED_IO, "%s: the optimizer's numbers are none that it can have; nothing is changed",
                       path);
    return error->status == HEED_OK;
}

bool facts_check(const fact_list *list, const json_t *json, const char *path, heed_error *error) {
    const heed_checkpoint *parts = list->parts;
    if (parts->optim && !check_optim(parts->optim, json_object_get(json, "optim"), path, error))
        return false;
    for (int i = 0; i < list->n; i++) {
        const fact *f = &list->facts[i];
        if (!check_fact(f, json_object_get(json_object_get(json, f->section), f->name), path, error))
            return false;
    }
    json_int_t kind = json_integer_value(json_object_get(json_object_get(json, "schedule"), "kind"));
    if (parts->schedule && (kind < 0 || kind > HEED_SCHEDULE_NOAM))
        heed_error_set(error, HEED_IO, "%s: schedule kind is none that there is; nothing is changed", path);
    return error->status == HEED_OK;
}

static void take_groups(heed_optim *opt, const json_t *groups) {
    opt->n_groups = (int)json_array_size(groups);
    for (int g = 0; g < opt->n_groups; g++) {
        const json_t *item = json_array_get(groups, (size_t)g);
        optim_group *group = &opt->groups[g];
        strcpy(group->name, json_string_value(json_object_get(item, "name"))); /* its length was checked */
        group->options = (heed_group_options){.lr_scale = json_number_value(json_object_get(item, "lr_scale")),
                                              .weight_decay = json_number_value(json_object_get(item, "weight_decay"))};
    }
}

static void take_fact(const fact *f, const json_t *item) {
    switch (f->kind) {
    case FACT_REAL: real_from_json(item, f->place); break;
    case FACT_WHOLE: *(int64_t *)f->place = json_integer_value(item); break;
    case FACT_BITS: *(uint64_t *)f->place = (uint64_t)json_integer_value(item); break;
    default: memcpy(f->place, json_string_value(item), json_string_length(item) + 1);
    }
}

void facts_take(fact_list *list, const json_t *json) {
    const heed_checkpoint *parts = list->parts;
    for (int i = 0; i < list->n; i++)
        take_fact(&list->facts[i], json_object_get(json_object_get(json, list->facts[i].section), list->facts[i].name));
    if (parts->optim)
        take_groups(parts->optim, json_object_get(json_object_get(json, "optim"), "groups"));
    if (parts->schedule)
        parts->schedule->kind = (heed_schedule_kind)list->kind;
    if (parts->tape) {
        heed_tape_set_seed(parts->tape, list->seed);
        heed_tape_set_step(parts->tape, list->step);
    }
}
