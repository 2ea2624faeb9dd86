#include <lauxlib.h>
#include <lualib.h>

#include <stdio.h>

static lua_State *lua;

int module_begin(void) {
  lua = luaL_newstate();
  if (!lua) return 1;
  luaL_openlibs(lua);
  return luaL_dostring(lua, "local calls = 0\n"
                            "function answer() calls = calls + 1 return '1.0.0 ' .. calls end");
}

void module_end(void) { lua_close(lua); }

void module_answer(char *text, int text_bytes) {
  lua_getglobal(lua, "answer");
  lua_pcall(lua, 0, 1, 0);
  snprintf(text, text_bytes, "%s", lua_tostring(lua, -1));
  lua_pop(lua, 1);
}
