/* What a module of misbehaving.cc does without configuration. */
__attribute__((visibility("hidden"))) const char usual_behaviour[] = PINNATE_BEHAVIOUR;
