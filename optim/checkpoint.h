/* Checkpoints: all that a run needs to go on, bit for bit, as if it had never stopped.
 *
 * Intended use:
 *   heed_checkpoint parts = {.model = model, .optim = opt, .ema = ema, .schedule = &schedule, .tape = t, .position = &batch};
 *   if (resume && heed_checkpoint_load(&parts, "run.checkpoint", &error)) ...      before the first step
 *   for (; batch < last; batch++) {
 *       ... a step ...
 *       if (heed_checkpoint_save(&parts, "run.checkpoint", &error)) ...            between two steps
 *   }
 *
 * The file is safetensors: model.PATH, ema.PATH, optim.SLOT.PATH, and the rest as JSON in the bytes of the tensor "checkpoint", with a
 * CRC-32 of each tensor; the metadata has that of this one. It appears whole or not at all: written beside, fsync, rename, fsync of the
 * directory; a process that is killed meanwhile leaves the one before in place (and, beside it, a file that ends in .tmp). */
#ifndef HEED_OPTIM_CHECKPOINT_H
#define HEED_OPTIM_CHECKPOINT_H

#include <heed/error.h>
#include <heed/optim/ema.h>
#include <heed/optim/optim.h>
#include <heed/optim/schedule.h>

HEED_BEGIN_DECLS

/* What is saved from, and loaded into, these places. All but the model may be NULL: then it is not saved, and what a file holds of
 * it is not looked at, so that a model alone can be taken out of a run's checkpoint. */
typedef struct heed_checkpoint {
    heed_model *model;       /* its values, buffers too */
    heed_optim
        *optim; /* slots, count of steps, learning rate, weight decay, clipping, groups. The rule must be the same; its
                                own options (betas, eps) are the program's */
    heed_ema *ema;           /* the average */
    heed_schedule *schedule; /* its numbers */
    heed_tape *tape;         /* seed and step of its random numbers */
    int64_t *position;       /* in the data: the next batch, the draws so far */
    int n_numbers, n_texts;  /* and what else the program likes to keep */
    const struct heed_checkpoint_number {
        const char *name;
        double *value;       /* inf and NaN, too; of a NaN only that it is one */
    } *numbers;
    const struct heed_checkpoint_text {
        const char *name;
        char *text;          /* UTF-8 */
        size_t room;         /* bytes there: a longer text of a file is an error */
    } *texts;
} heed_checkpoint;
typedef struct heed_checkpoint_number heed_checkpoint_number;
typedef struct heed_checkpoint_text heed_checkpoint_text;

/* Errors: a model that is not built, an optimizer or average of another model or in error, an average that is swapped in, two
 * numbers or texts of one name, and what files can do. error may be NULL. */
heed_status heed_checkpoint_save(const heed_checkpoint *parts, const char *path, heed_error *error) HEED_MUST_CHECK;
/* Verifies every checksum and checks everything before anything is changed: on an error all is as it was. Errors: a damaged file,
 * naming the tensor; a checkpoint of another model, dtype, optimizer rule or shapes, naming what differs; a part that it lacks. */
heed_status heed_checkpoint_load(const heed_checkpoint *parts, const char *path, heed_error *error) HEED_MUST_CHECK;

/* ---- written by a thread while training goes on ---- */

typedef struct heed_checkpoint_writer heed_checkpoint_writer;

/* Never NULL: without memory its calls fail and say so. */
heed_checkpoint_writer *heed_checkpoint_writer_new(const char *path);
/* Waits for the file before to be written, copies all values, and leaves the rest to a thread. An error is of that file (this one
 * is then not begun), or of this one's beginning; what goes wrong while it is written is said by the next call or by _wait. */
heed_status heed_checkpoint_save_later(heed_checkpoint_writer *writer, const heed_checkpoint *parts,
                                       heed_error *error) HEED_MUST_CHECK;
/* Waits until the last file is in place. */
heed_status heed_checkpoint_wait(heed_checkpoint_writer *writer, heed_error *error) HEED_MUST_CHECK;
void heed_checkpoint_writer_free(heed_checkpoint_writer *writer); /* waits, too */

HEED_END_DECLS
#endif
