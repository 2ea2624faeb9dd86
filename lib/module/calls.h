// The way of a call: through the gate into its service, to its turn there, and out again.
#pragma once

#include "module/shared.h"

#include <memory>
#include <string>
#include <string_view>

namespace pinnate::module {

// See ServiceHost::invoke and ServiceHost::call_here.
void invoke(const std::shared_ptr<Shared>& shared, const std::string& function, Buffer payload,
            std::uint32_t timeout_ms, Done done);
Outcome call_here(Shared& shared, std::string_view function, std::string_view payload, std::uint32_t timeout_ms);

// What a worker does with a call; see Workers.
void run_on_worker(Shared& shared, const std::shared_ptr<Call>& call);

}  // namespace pinnate::module
