/* All of Heed. */
#ifndef HEED_H
#define HEED_H

#include <heed/array.h>
#include <heed/base.h>
#include <heed/bpe.h>
#include <heed/check_journal.h>
#include <heed/curvature.h>
#include <heed/error.h>
#include <heed/gradcheck.h>
#include <heed/import_map.h>
#include <heed/loader.h>
#include <heed/metrics.h>
#include <heed/model.h>
#include <heed/npy.h>
#include <heed/op.h>
#include <heed/ops.h>
#include <heed/pairs.h>
#include <heed/picture.h>
#include <heed/profile.h>
#include <heed/recorder.h>
#include <heed/recording.h>
#include <heed/report.h>
#include <heed/rng.h>
#include <heed/safetensors.h>
#include <heed/tape.h>
#include <heed/text.h>
#include <heed/trace.h>
#include <heed/vocabulary.h>
#include <heed/windows.h>

#include <heed/layers/beam.h>
#include <heed/layers/carry.h>
#include <heed/layers/dropout.h>
#include <heed/layers/embedding.h>
#include <heed/layers/encoder_decoder.h>
#include <heed/layers/feed_forward.h>
#include <heed/layers/gpt.h>
#include <heed/layers/gpt2_names.h>
#include <heed/layers/kv_cache.h>
#include <heed/layers/linear.h>
#include <heed/layers/lora.h>
#include <heed/layers/multi_head_attention.h>
#include <heed/layers/norm.h>
#include <heed/layers/position.h>
#include <heed/layers/recorded.h>
#include <heed/layers/recurrent.h>
#include <heed/layers/recurrent_cell.h>
#include <heed/layers/sampler.h>
#include <heed/layers/score.h>
#include <heed/layers/self_attention.h>
#include <heed/layers/seq2seq.h>
#include <heed/layers/stack_cache.h>
#include <heed/layers/state_attention.h>
#include <heed/layers/torch_names.h>
#include <heed/layers/transformer.h>

#include <heed/optim/checkpoint.h>
#include <heed/optim/ema.h>
#include <heed/optim/optim.h>
#include <heed/optim/schedule.h>

#endif
