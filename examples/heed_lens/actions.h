/* What heed-lens does, each as a program would: 0, or the exit status after a message. */
#ifndef HEED_LENS_ACTIONS_H
#define HEED_LENS_ACTIONS_H

#include "options.h"

int write_page(const options *o);
int list_all(const options *o);
int replay(const options *o);
int draw_attention(const options *o);
int draw_matrix(const options *o);
int draw_curve(const options *o);
int export_npy(const options *o);
int export_safetensors(const options *o);
int export_bertviz(const options *o);

#endif
