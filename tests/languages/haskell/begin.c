#include "process.h"

#include "HsFFI.h"
#include "Rts.h"

int module_begin(void) {
  int argc = 1;
  char *arguments[] = {"module", NULL}, **argv = arguments;
  RtsConfig config = defaultRtsConfig;
  config.rts_opts_enabled = RtsOptsAll;
  config.rts_opts = "--install-signal-handlers=no -V0"; /* no handlers, no timer */
  remember_process();
  hs_init_ghc(&argc, &argv, config);
  put_process_back();
  return 0;
}

/* No hs_exit: the runtime cannot be begun again in a process. */
void module_end(void) {}
