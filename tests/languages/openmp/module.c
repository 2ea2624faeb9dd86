#include <stdio.h>

void module_answer(char *text, int text_bytes) {
  static int calls;
  int sum = 0;
#pragma omp parallel for reduction(+ : sum) num_threads(2)
  for (int i = 0; i < 1000; i++) sum += i;
  snprintf(text, text_bytes, "%s %d", sum == 499500 ? "1.0.0" : "wrong", ++calls);
}
