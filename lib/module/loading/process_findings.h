// What this process makes of a shared object that is to be loaded into it.
#pragma once

#include "content/object_findings.h"

#include <string>
#include <string_view>
#include <vector>

namespace pinnate::module {

// Beside content::findings, which know no process.
std::vector<content::Finding> process_findings(const content::SharedObject& object);

// This process was begun with a sanitizer, and so takes modules that are built with one.
bool has_sanitizer();

// Why the dynamic linker refused it, and what helps: its own words say neither which module nor
// what to do.
std::string linker_refusal(std::string_view words, const content::SharedObject& object, const std::string& path);

}  // namespace pinnate::module
