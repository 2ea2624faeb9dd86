// samples/modules/templates, as they are when this program is built.
#pragma once

#include <vector>

namespace cli {

struct TemplateFile {
  const char *language, *name;
  // @NAME@ stands for the module's name, @INCLUDE@ for the folder of the headers.
  const char* text;
};

extern const std::vector<TemplateFile> kTemplateFiles;

}  // namespace cli
