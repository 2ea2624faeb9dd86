#include <Python.h>

static PyObject *names; /* of this module alone: __main__ belongs to the process and all modules in it */

static int define(void) {
  names = PyDict_New();
  PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins());
  PyObject *done = PyRun_String("calls = 0\n"
                                "def answer():\n"
                                "    global calls\n"
                                "    calls += 1\n"
                                "    return f'1.0.0 {calls}'\n",
                                Py_file_input, names, names);
  Py_XDECREF(done);
  return done ? 0 : 1;
}

/* Isolated: without signal handlers, and without a change of the process's locale. */
static void begin_python(void) {
  PyPreConfig early;
  PyConfig config;
  PyPreConfig_InitIsolatedConfig(&early);
  early.utf8_mode = 1;
  Py_PreInitialize(&early);
  PyConfig_InitIsolatedConfig(&config);
  Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
}

#ifdef FINALIZE /* one service at a time: each begins an interpreter, and ends it */

static PyThreadState *begun;

int module_begin(void) {
  if (Py_IsInitialized()) return 1; /* somebody else's */
  begin_python();
  const int failed = define();
  begun = PyEval_SaveThread();
  return failed;
}

void module_end(void) {
  PyEval_RestoreThread(begun);
  Py_DECREF(names);
  Py_FinalizeEx();
}

#else /* whoever is first begins the interpreter, and nobody ends it */

int module_begin(void) {
  int failed;
  if (!Py_IsInitialized()) {
    begin_python();
    PyEval_SaveThread();
  }
  const PyGILState_STATE held = PyGILState_Ensure();
  failed = define();
  PyGILState_Release(held);
  return failed;
}

void module_end(void) {
  const PyGILState_STATE held = PyGILState_Ensure();
  Py_DECREF(names);
  PyGILState_Release(held);
}

#endif

void module_answer(char *text, int text_bytes) {
  const PyGILState_STATE held = PyGILState_Ensure();
  PyObject *answer = PyObject_CallNoArgs(PyDict_GetItemString(names, "answer"));
  snprintf(text, text_bytes, "%s", answer ? PyUnicode_AsUTF8(answer) : "failed");
  Py_XDECREF(answer);
  PyGILState_Release(held);
}
