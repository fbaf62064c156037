/* The core's defaults.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "config/option_table.h"
#include "config_fixture.h"
#include "core/options.h"

/* The core's own defaults, which its tests run with, are the documented ones. */
TEST(core_and_table_have_the_same_defaults)
{
    struct config *config = load_good("");
    struct config core = *config;
    core_options_defaults(&core.core);
    for (size_t i = 0; i < config_option_count; i++) {
        test_note("%s", config_options[i].path);
        CHECK(option_equal(&config_options[i], &core, config));
    }
    config_free(config);
}
