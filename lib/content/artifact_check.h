// An artifact as a whole: each chunk binds its own bytes, and the artifact's digest binds their
// order.
#pragma once

#include "content/manifest.h"

#include <functional>

namespace pinnate::content {

// Whether the encoded chunks that `read` gives are those of `artifact`, and make what its digest
// names: PINNATE_CORRUPT, in words, if not. `bad` gets the chunks that `read` calls damaged or
// missing, or that are not those of the list; when there are none, all are as listed and the
// artifact is wrong. Any other trouble of `read` ends the check.
Status check_artifact(const ArtifactEntry& artifact, const std::function<Result<Buffer>(std::uint32_t)>& read,
                      std::vector<std::uint32_t>* bad);

}  // namespace pinnate::content
