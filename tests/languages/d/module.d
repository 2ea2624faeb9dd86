import core.runtime : rt_init;
import core.stdc.string : memcpy;
import core.thread : thread_attachThis, thread_detachThis;
import std.conv : to;

__gshared int calls;

extern (C) int module_begin() { return rt_init() ? 0 : 1; }
// Its library stays in memory, and cannot be begun a second time: it is not ended.
extern (C) void module_end() {}

extern (C) void module_answer(char* text, int textBytes)
{
    thread_attachThis(); // the collector has to know each thread that runs D
    scope (exit) thread_detachThis();
    string answer = "1.0.0" ~ " " ~ to!string(++calls) ~ "\0";
    memcpy(text, answer.ptr, answer.length);
}
