#include "process.h"

/* What `gnatbind -Lada_` names them. */
void ada_init(void);
void ada_final(void);

int module_begin(void) {
  remember_process();
  ada_init();
  put_process_back();
  return 0;
}

void module_end(void) { ada_final(); }
