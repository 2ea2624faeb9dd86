#include "content/sha256.h"

#include <openssl/evp.h>

#include <new>

namespace pinnate::content {
namespace {

// Fetched once: a fetch per digest costs more than hashing a small message. Never freed: a thread
// may outlive static destruction.
const EVP_MD* algorithm() {
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return fetched ? fetched : EVP_sha256();
}

// OpenSSL fails here for want of memory only, and a wrong digest must never be returned instead.
void require(bool done) {
  if (!done) throw std::bad_alloc();
}

}  // namespace

Digest sha256(std::string_view bytes) {
  Digest digest;
  unsigned size = 0;
  require(EVP_Digest(bytes.data(), bytes.size(), digest.bytes.data(), &size, algorithm(), nullptr) == 1);
  return digest;
}

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  require(context_ && EVP_DigestInit_ex(context_.get(), algorithm(), nullptr) == 1);
}

void Sha256::update(std::string_view bytes) {
  require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  Digest digest;
  unsigned size = 0;
  require(EVP_DigestFinal_ex(context_.get(), digest.bytes.data(), &size) == 1);
  return digest;
}

}  // namespace pinnate::content
