#include <pinnate/common.h>
#include <stdio.h>
int main(void) { return puts(pinnate_version()) < 0; }
