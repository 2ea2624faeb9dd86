#include "command_line.h"
#include "file_bytes.h"
#include "module_templates.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace cli {

namespace {

namespace fs = std::filesystem;

struct NewOptions {
  std::string name;
  std::string language = "c";
  std::string place = ".";
};

// In the order of the embedded files, which stand together by language.
std::vector<std::string> languages() {
  std::vector<std::string> found;
  for (const TemplateFile& file : kTemplateFiles)
    if (found.empty() || found.back() != file.language) found.emplace_back(file.language);
  return found;
}

void set_up(CLI::App& app, NewOptions& options) {
  named_alone(app.add_option("NAME", options.name, "the module's, and its folder's"))->required();
  app.add_option("--language", options.language, "c (default), c++, rust, go, fortran or python")
      ->type_name("WORD")
      ->check(CLI::IsMember(languages()));
  app.add_option("--to", options.place, "where the folder is made (default: here)")->option_text("DIR");
  app.footer(
      "Examples:\n"
      "  pinnate new greet\n"
      "  pinnate new score --language fortran --to modules");
}

// As a controller takes them.
void check_name(const std::string& name) {
  const std::string first = "abcdefghijklmnopqrstuvwxyz0123456789";
  if (!name.empty() && name.size() <= 63 && first.find(name[0]) != std::string::npos &&
      name.find_first_not_of(first + "._-") == std::string::npos)
    return;
  throw Failure(ExitCode::kUsage,
                "'" + name +
                    "' is no name for a module (write 1 to 63 of a-z, 0-9, '.', '_' and '-', a letter or "
                    "digit first, e.g. greet)");
}

// The headers that came with this program, in a build as after an installation.
std::string include_folder() {
  const fs::path folder = (fs::read_symlink("/proc/self/exe").parent_path() / "../include").lexically_normal();
  return fs::exists(folder / "pinnate/module.h") ? folder.string() : "/usr/include";
}

std::string replaced(std::string text, const std::string& word, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += by.size())
    text.replace(at, word.size(), by);
  return text;
}

ExitCode run(const NewOptions& options) {
  check_name(options.name);
  const fs::path folder = fs::path(options.place) / options.name;
  std::error_code error;
  if (!fs::create_directory(folder, error)) {
    const auto code = error == std::errc::no_such_file_or_directory ? ExitCode::kNotFound : ExitCode::kRefused;
    const std::string why = error && error != std::errc::file_exists ? error.message() : "it is there already";
    throw Failure(code, "cannot make '" + folder.string() + "': " + why);
  }
  const std::string include = include_folder();
  try {
    for (const TemplateFile& file : kTemplateFiles)
      if (file.language == options.language)
        write_file(folder / file.name, replaced(replaced(file.text, "@NAME@", options.name), "@INCLUDE@", include));
  } catch (const Failure&) {
    fs::remove_all(folder, error);
    throw;
  }
  std::printf("%s: a module in %s; its README.md says how it is built and published\n", folder.c_str(),
              options.language.c_str());
  return ExitCode::kOk;
}

}  // namespace

void add_new(CommandLine& line) {
  add_command<NewOptions>(line, "new", "write a module to begin with, in a folder of its own");
}

}  // namespace cli
