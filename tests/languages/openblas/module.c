#include <cblas.h>
#include <stdio.h>

enum { SIDE = 300 }; /* enough for OpenBLAS to use its threads */
static double a[SIDE * SIDE], b[SIDE * SIDE], product[SIDE * SIDE];

void module_answer(char *text, int text_bytes) {
  static int calls;
  for (int i = 0; i < SIDE * SIDE; i++) a[i] = b[i] = 1;
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1, a, SIDE, b, SIDE, 0, product, SIDE);
  snprintf(text, text_bytes, "%s %d", product[SIDE] == SIDE ? "1.0.0" : "wrong", ++calls);
}
