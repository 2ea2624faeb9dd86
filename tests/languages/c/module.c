#include <stdio.h>

static int calls;

void module_answer(char *text, int text_bytes) { snprintf(text, text_bytes, "%s %d", "1.0.0", ++calls); }
