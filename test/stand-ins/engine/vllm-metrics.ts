// The part of vLLM's /metrics page that tells a busy engine from a dead one.
import type { EngineWorld } from './world.ts'

const started = Date.now() / 1000 - process.uptime()

function metric(
  name: string,
  kind: 'counter' | 'gauge',
  rows: readonly [labels: string, value: number][],
): string {
  const lines = rows.map(
    ([labels, value]) => `${name}${labels} ${Number.isInteger(value) ? value.toFixed(1) : value}`,
  )
  return [`# HELP ${name} ${name}.`, `# TYPE ${name} ${kind}`, ...lines].join('\n')
}

export function renderVllmMetrics(world: EngineWorld, name: string, sleepLevel: number): string {
  const { counters } = world
  const labels = `{engine="0",model_name="${name}"}`
  const more = (extra: string) => `{engine="0",model_name="${name}",${extra}}`
  return `${[
    metric('process_start_time_seconds', 'gauge', [['', started]]),
    metric('process_resident_memory_bytes', 'gauge', [['', process.memoryUsage.rss()]]),
    metric('vllm:num_requests_running', 'gauge', [[labels, counters.running]]),
    metric('vllm:num_requests_waiting', 'gauge', [[labels, 0]]),
    metric('vllm:engine_sleep_state', 'gauge', [
      [more('sleep_state="awake"'), sleepLevel === 0 ? 1 : 0],
      [more('sleep_state="weights_offloaded"'), sleepLevel === 1 ? 1 : 0],
      [more('sleep_state="discard_all"'), sleepLevel === 2 ? 1 : 0],
    ]),
    metric('vllm:kv_cache_usage_perc', 'gauge', [[labels, 0]]),
    metric('vllm:prompt_tokens_total', 'counter', [[labels, counters.promptTokens]]),
    metric('vllm:generation_tokens_total', 'counter', [[labels, counters.generationTokens]]),
    metric('vllm:request_success_total', 'counter', [[more('finished_reason="stop"'), counters.succeeded]]),
  ].join('\n')}\n`
}
