/* What checks found, kept entry by entry, and written as JSON or as a page of heat maps.
 *
 *     heed_check_journal *j = heed_check_journal_new();
 *     heed_check check = heed_gradcheck_op(&my_op, &(heed_check_options){.entries = heed_check_journal_entries, .user = j});
 *     heed_check_journal_add(j, &check);
 *     heed_check_journal_html(j, "gradcheck.html", &error), heed_check_journal_json(j, "gradcheck.json", &error)
 *
 * Of each input of each op or function the point is kept at which an entry's error was largest, measured by its tolerance
 * (or, if it is wrong, one at which the mistake has a name).
 * Checks that run beside each other may share a journal. */
#ifndef HEED_CHECK_JOURNAL_H
#define HEED_CHECK_JOURNAL_H

#include <heed/gradcheck.h>

HEED_BEGIN_DECLS

typedef struct heed_check_journal heed_check_journal;

/* NULL: out of memory. */
heed_check_journal *heed_check_journal_new(void);
void heed_check_journal_free(heed_check_journal *journal);
/* A heed_check_entries_fn; user is the journal. */
void heed_check_journal_entries(void *journal, const heed_check_entries *entries);
/* A row, in the order of the calls. Entries find theirs by its name. */
void heed_check_journal_add(heed_check_journal *journal, const heed_check *check);

/* Status: HEED_IO, or out of memory, then or while it was kept. The file appears whole or not at all. The JSON:
 *     {"checks": [{"name": "add", "ok": true, "cases": 60, "vacuous": 0, "redrawn": 0, "worst": 0.002, "failed": 0,
 *                  "failures": [{"sample": 0, "input": 0, "coordinate": 3, "analytic": 1.0, "numeric": 2.0,
 *                                "tolerance": 1e-7, "what": "gradient", "likely": "a factor: ..."}],
 *                  "inputs": [{"input": 0, "parameter": null, "sample": 5, "shape": [2, 3], "worst": 0.002, "likely": "",
 *                              "error": [0.001, ...]}]}]}
 * error: of each entry, over its tolerance; null where it was not compared, or is no number. */
heed_status heed_check_journal_json(const heed_check_journal *journal, const char *path, heed_error *error) HEED_MUST_CHECK;
/* One page without script, that loads nothing: a row a check, a heat map an input. */
heed_status heed_check_journal_html(const heed_check_journal *journal, const char *path, heed_error *error) HEED_MUST_CHECK;

HEED_END_DECLS
#endif
