#include <objc/Object.h>
#include <objc/runtime.h>
#include <stdio.h>

@interface Counter : Object
+ (int)next;
@end

static int calls;

@implementation Counter
+ (int)next {
  return ++calls;
}
@end

void module_answer(char *text, int text_bytes) { snprintf(text, text_bytes, "%s %d", "1.0.0", [Counter next]); }
