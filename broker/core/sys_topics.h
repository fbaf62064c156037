/* `$SYS`: what the broker tells about itself, as retained messages under mosquitto's topic names.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_SYS_TOPICS_H
#define PUBGRID_CORE_SYS_TOPICS_H

struct shard;
struct sys_topics;

struct sys_topics *sys_topics_new(void);
void sys_topics_free(struct sys_topics *sys);

/* Shard 0, once a second: publishes what changed, if options.sys_interval_ms have passed since the
 * last time. */
void sys_topics_update(struct shard *shard);

#endif
