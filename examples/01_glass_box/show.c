#include "show.h"

char key_name(int key) {
    return (char)('a' + key);
}

char value_name(int value) {
    return "0123456789ABCDEF"[value];
}

char asked_key(const glass_question *question) {
    return key_name(question->key[question->asked]);
}

char right_value(const glass_question *question) {
    return value_name(question->value[question->asked]);
}

void say_pair(const terminal *term, const glass_question *question, int pair) {
    say(term, "{k|%c}{v|%c}", key_name(question->key[pair]), value_name(question->value[pair]));
}

void say_vector(const terminal *term, ink colour, const double *x, int decimals) {
    for (int i = 0; i < 3; i++)
        ink_print(term, colour, "%*.*f ", decimals + 3, decimals, x[i]); /* a sign, a digit, a point */
    ink_print(term, colour, "…");
}
