// Compact: no type is registered with the process.
[Compact]
class Counter {
    public int calls = 0;

    public string next() {
        calls++;
        return @"1.0.0 $calls";
    }
}

static Counter counter;

[CCode (cname = "module_begin")]
public int begin() {
    counter = new Counter();
    return 0;
}

[CCode (cname = "module_end")]
public void end() {
    counter = null;
}

[CCode (cname = "module_answer")]
public void answer(char* text, int text_bytes) {
    string result = counter.next();
    Memory.copy(text, result, result.length + 1);
}
