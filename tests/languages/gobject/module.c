#include <glib-object.h>

#define COUNTER_TYPE (counter_get_type())
G_DECLARE_FINAL_TYPE(Counter, counter, COUNTER, COUNTER, GObject)

struct _Counter {
  GObject parent;
  int calls;
};

G_DEFINE_TYPE(Counter, counter, G_TYPE_OBJECT)

static void counter_class_init(CounterClass *class) { (void)class; }
static void counter_init(Counter *self) { self->calls = 0; }

static Counter *counter;

int module_begin(void) {
  counter = g_object_new(COUNTER_TYPE, NULL);
  return counter == NULL;
}

void module_end(void) { g_object_unref(counter); }

void module_answer(char *text, int text_bytes) { g_snprintf(text, text_bytes, "%s %d", "1.0.0", ++counter->calls); }
