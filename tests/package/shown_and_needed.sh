# shellcheck shell=bash
# Sourced. shown_and_needed FILE...: each is a module that shows nothing but its descriptor, so that its symbols meet no others; needs
# nothing but the C library, so that it loads in any image; and holds nothing that would keep it in memory.
shown_and_needed() {
  local file shown needed
  for file; do
    shown=$(nm -D --defined-only --format=posix "$file" | cut -d' ' -f1,2)
    [ "$shown" = "pinnate_module D" ] || [ "$shown" = "pinnate_module R" ] || { echo "$file shows: $shown" >&2; return 1; }
    needed=$(readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v -E '^(lib[cm]|ld-linux.*|ld64)\.so\.[0-9]+$' || true)
    [ -z "$needed" ] || { echo "$file needs: $needed" >&2; return 1; }
    # Not a pipe: grep -q would end the other early.
    if grep -q -E 'NODELETE' <<<"$(readelf -d "$file")"; then echo "$file may not be unloaded" >&2; return 1; fi
    if grep -q -E ' U (pthread_key_create|tss_create)' <<<"$(nm -D --undefined-only "$file")"; then
      echo "$file makes keys of threads" >&2
      return 1
    fi
  done
}
