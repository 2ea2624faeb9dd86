#include "handlers.h"

/* What `gnatbind -Lada_` names them. */
void ada_init(void);
void ada_final(void);

int module_begin(void) {
  remember_handlers();
  ada_init();
  put_handlers_back();
  return 0;
}

void module_end(void) { ada_final(); }
