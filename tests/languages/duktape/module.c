#include <duktape.h>
#include <stdio.h>

static duk_context *script;

int module_begin(void) {
  script = duk_create_heap_default();
  return !script || duk_peval_string(script, "var calls = 0; function answer() { return '1.0.0 ' + ++calls }");
}

void module_end(void) { duk_destroy_heap(script); }

void module_answer(char *text, int text_bytes) {
  duk_peval_string(script, "answer()");
  snprintf(text, text_bytes, "%s", duk_safe_to_string(script, -1));
  duk_pop(script);
}
