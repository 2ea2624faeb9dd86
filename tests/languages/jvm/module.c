#include "process.h"

#include <jni.h>
#include <stdio.h>

extern const jbyte class_begin[], class_end[]; /* Answer.class */
__asm__(".section .rodata\nclass_begin: .incbin \"Answer.class\"\nclass_end: .byte 0\n.previous");

static JavaVM *vm;
static jclass answer_class;

static JNIEnv *attached(void) {
  JNIEnv *env = NULL;
  (*vm)->AttachCurrentThreadAsDaemon(vm, (void **)&env, NULL);
  return env;
}

/* There is one machine a process, for good: whoever is first begins it. */
static int find_machine(void) {
  JNIEnv *env;
  jsize found = 0;
  JavaVMOption options[] = {
      {"-Xrs", NULL}, /* SIGTERM and others stay the process's */
      {"-XX:+DisableAttachMechanism", NULL},
      {"-XX:-UsePerfData", NULL},
      {"-Xmx64m", NULL},
  };
  JavaVMInitArgs arguments = {JNI_VERSION_10, sizeof options / sizeof *options, options, JNI_FALSE};
  if (JNI_GetCreatedJavaVMs(&vm, 1, &found) == JNI_OK && found == 1) return 0;
  remember_process();
  const int failed = JNI_CreateJavaVM(&vm, (void **)&env, &arguments);
  sigaction(SIGPIPE, &handlers_before[SIGPIPE], NULL); /* of the others Java needs some */
  setlocale(LC_ALL, locale_before);
  free(locale_before);
  return failed;
}

/* Each version has a class loader of its own, since a loader knows a class's name once. */
int module_begin(void) {
  if (find_machine() != JNI_OK) return 1;
  JNIEnv *env = attached();
  jclass loaders = (*env)->FindClass(env, "java/net/URLClassLoader");
  jobjectArray none = (*env)->NewObjectArray(env, 0, (*env)->FindClass(env, "java/net/URL"), NULL);
  jobject loader = (*env)->NewObject(env, loaders, (*env)->GetMethodID(env, loaders, "<init>", "([Ljava/net/URL;)V"), none);
  jclass made = (*env)->DefineClass(env, "Answer", loader, class_begin, (jsize)(class_end - class_begin));
  answer_class = made ? (*env)->NewGlobalRef(env, made) : NULL;
  (*vm)->DetachCurrentThread(vm);
  return answer_class == NULL;
}

void module_end(void) {
  JNIEnv *env = attached();
  (*env)->DeleteGlobalRef(env, answer_class);
  (*vm)->DetachCurrentThread(vm);
}

void module_answer(char *text, int text_bytes) {
  JNIEnv *env = attached();
  jmethodID method = (*env)->GetStaticMethodID(env, answer_class, "answer", "()Ljava/lang/String;");
  jstring answer = (*env)->CallStaticObjectMethod(env, answer_class, method);
  const char *chars = (*env)->GetStringUTFChars(env, answer, NULL);
  snprintf(text, text_bytes, "%s", chars);
  (*env)->ReleaseStringUTFChars(env, answer, chars);
  (*vm)->DetachCurrentThread(vm); /* the thread is the engine's */
}
