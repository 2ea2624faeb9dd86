#include "jpeg.h"

#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include <jpeglib.h>

#include <jerror.h>

namespace {

constexpr std::size_t kPixels = 50'000'000;
constexpr long kWarnings = 100;  // of one file; a hostile one raises them without end
constexpr int kScans = 100;  // of a progressive file: each costs the time of a whole picture

// libjpeg's own way out of an error is to end the process. Ours is a jump back into the function
// that called it, which has made no C++ object since, so nothing is skipped. (An exception would
// not pass through C frames everywhere.)
struct Errors {
  jpeg_error_mgr base;
  std::jmp_buf back;
  char words[JMSG_LENGTH_MAX];
};

[[noreturn]] void on_error(j_common_ptr jpeg) {
  auto* errors = reinterpret_cast<Errors*>(jpeg->err);
  jpeg->err->format_message(jpeg, errors->words);
  std::longjmp(errors->back, 1);
}

void on_message(j_common_ptr jpeg, int level) {
  if (level < 0 && ++jpeg->err->num_warnings > kWarnings) on_error(jpeg);
}

void on_output(j_common_ptr) {}  // a module does not write to its engine's stderr

void on_format(j_common_ptr jpeg, char* words) {
#define JMESSAGE(code, text) text,
#define JCOPYRIGHT_SHORT ""
#define JVERSION ""
  static constexpr const char* kMessages[] = {
#include <jerror.h>
  };
  const int code = jpeg->err->msg_code;
  const char* message = code > 0 && code < JMSG_LASTMSGCODE ? kMessages[code] : "an error without words";
  const auto& i = jpeg->err->msg_parm.i;
  if (std::strstr(message, "%s"))
    std::snprintf(words, JMSG_LENGTH_MAX, message, jpeg->err->msg_parm.s);
  else
    std::snprintf(words, JMSG_LENGTH_MAX, message, i[0], i[1], i[2], i[3], i[4], i[5], i[6], i[7]);
}

void on_reset(j_common_ptr jpeg) { jpeg->err->num_warnings = jpeg->err->msg_code = 0; }

// All of it ours: jpeg_std_error names stderr in a way that keeps Debian's libjpeg.a, made for
// programs, out of a shared object.
jpeg_error_mgr* jump_on_errors(Errors& errors) {
  errors.base = {};
  errors.base.error_exit = on_error;
  errors.base.emit_message = on_message;
  errors.base.output_message = on_output;
  errors.base.format_message = on_format;
  errors.base.reset_error_mgr = on_reset;
  return &errors.base;
}

struct Reader {
  jpeg_decompress_struct jpeg{};
  Errors errors;
  jpeg_progress_mgr progress{};
  ~Reader() { jpeg_destroy_decompress(&jpeg); }

  static void on_progress(j_common_ptr common) {
    if (reinterpret_cast<j_decompress_ptr>(common)->input_scan_number > kScans) on_error(common);
  }

  // The parts that may jump. Each returns false when it did.
  bool begin(const void* data, std::size_t size, unsigned enough) {
    jpeg.err = jump_on_errors(errors);
    if (setjmp(errors.back)) return false;
    jpeg_create_decompress(&jpeg);
    progress.progress_monitor = on_progress;
    jpeg.progress = &progress;
    jpeg_mem_src(&jpeg, static_cast<const unsigned char*>(data), static_cast<unsigned long>(size));
    jpeg_read_header(&jpeg, TRUE);
    jpeg.out_color_space = JCS_RGB;
    // libjpeg shrinks by halves while it reads, which is faster than reading all.
    const unsigned side = jpeg.image_width > jpeg.image_height ? jpeg.image_width : jpeg.image_height;
    for (jpeg.scale_denom = 8; jpeg.scale_denom > 1; jpeg.scale_denom /= 2)
      if (side / jpeg.scale_denom >= enough) break;
    jpeg.scale_num = 1;
    jpeg_calc_output_dimensions(&jpeg);
    return true;
  }
  bool read(unsigned char* pixels) {
    if (setjmp(errors.back)) return false;
    jpeg_start_decompress(&jpeg);
    while (jpeg.output_scanline < jpeg.output_height) {
      JSAMPROW row = pixels + std::size_t{jpeg.output_scanline} * jpeg.output_width * 3;
      jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
    return true;
  }
};

struct Writer {
  jpeg_compress_struct jpeg{};
  Errors errors;
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  ~Writer() {
    jpeg_destroy_compress(&jpeg);
    std::free(bytes);
  }

  bool write(const Picture& picture, int quality) {
    jpeg.err = jump_on_errors(errors);
    if (setjmp(errors.back)) return false;
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &size);
    jpeg.image_width = picture.width;
    jpeg.image_height = picture.height;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, quality, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < picture.height) {
      auto* row = const_cast<JSAMPROW>(picture.pixels.data() + std::size_t{jpeg.next_scanline} * picture.width * 3);
      jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    return true;
  }
};

[[noreturn]] void fail(const char* what, const Errors& errors) {
  throw std::runtime_error(std::string(what) + errors.words);
}

}  // namespace

Picture read_jpeg(const void* data, std::size_t size, unsigned enough) {
  if (size == 0) throw std::runtime_error("the payload is empty; want a JPEG");
  Reader reader;
  if (!reader.begin(data, size, enough)) fail("not a JPEG: ", reader.errors);
  if (std::size_t{reader.jpeg.image_width} * reader.jpeg.image_height > kPixels)
    throw std::runtime_error("a picture of " + std::to_string(reader.jpeg.image_width) + " x " +
                             std::to_string(reader.jpeg.image_height) + " pixels; at most " + std::to_string(kPixels) +
                             " in all");
  Picture picture;
  picture.width = reader.jpeg.output_width;
  picture.height = reader.jpeg.output_height;
  picture.pixels.resize(std::size_t{3} * picture.width * picture.height);
  if (!reader.read(picture.pixels.data())) fail("a damaged JPEG: ", reader.errors);
  return picture;
}

std::vector<unsigned char> write_jpeg(const Picture& picture, int quality) {
  Writer writer;
  if (!writer.write(picture, quality)) fail("cannot write a JPEG: ", writer.errors);
  return std::vector<unsigned char>(writer.bytes, writer.bytes + writer.size);
}
