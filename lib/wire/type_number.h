// The numbers of PROTOCOL.md for the types of messages, for words to people.
#pragma once

#include "wire/message.h"

#include <cstdint>

namespace pinnate::wire {

std::uint8_t type_of(const Message& message);

}  // namespace pinnate::wire
