// The lines that vLLM 0.32 prints while it starts, loads and fails: what a progress table can be tried on.
import type { ModelFolder } from './model-folder.ts'

export interface VllmLog {
  readonly api: (where: string, text: string) => void
  readonly core: (where: string, text: string) => void
  readonly plain: (text: string) => void
}

const two = (n: number) => String(n).padStart(2, '0')
const clock = (now: Date) =>
  `${two(now.getMonth() + 1)}-${two(now.getDate())} ${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`

export function openVllmLog(print: (line: string) => void): VllmLog {
  const line = (process_: string, where: string, text: string) =>
    print(`(${process_}) INFO ${clock(new Date())} [${where}] ${text}`)
  return {
    api: (where, text) => line(`APIServer pid=${process.pid}`, where, text),
    core: (where, text) => line(`EngineCore_DP0 pid=${process.pid}`, where, text),
    plain: print,
  }
}

export function printStart(log: VllmLog, model: string) {
  log.api('api_server.py:1977', 'vLLM API server version 0.32.0')
  log.api('utils.py:253', `non-default args: {'model': '${model}'}`)
  log.core('core.py:77', `Initializing a V1 LLM engine (v0.32.0) with config: model='${model}'`)
}

export function printLoading(log: VllmLog, model: string) {
  log.core('gpu_model_runner.py:2602', `Starting to load model ${model}...`)
}

export function printLoaded(log: VllmLog, folder: ModelFolder, seconds: number) {
  const all = folder.shards
  for (let n = 0; n <= all; n++) {
    const percent = String(Math.floor((n / all) * 100)).padStart(3)
    log.plain(
      `Loading safetensors checkpoint shards: ${percent}% Completed | ${n}/${all} [00:00<00:00,  9.00it/s]`,
    )
  }
  log.core('default_loader.py:268', `Loading weights took ${seconds.toFixed(2)} seconds`)
  const gib = (folder.bytes / 2 ** 30).toFixed(4)
  log.core('gpu_model_runner.py:2653', `Model loading took ${gib} GiB and ${seconds.toFixed(6)} seconds`)
  log.core('gpu_worker.py:298', 'Available KV cache memory: 1.00 GiB')
  log.core('kv_cache_utils.py:1087', 'GPU KV cache size: 262,144 tokens')
  log.core('core.py:210', 'init engine (profile, create kv cache, warmup model) took 0.05 seconds')
}

export function printListening(log: VllmLog, at: { host: string; port: number }) {
  log.api('api_server.py:1912', `Starting vLLM API server 0 on http://${at.host}:${at.port}`)
  log.plain(`INFO:     Started server process [${process.pid}]`)
  log.plain('INFO:     Waiting for application startup.')
  log.plain('INFO:     Application startup complete.')
}

export function printFailure(log: VllmLog, why: string) {
  log.plain(
    `(EngineCore_DP0 pid=${process.pid}) ERROR ${clock(new Date())} [core.py:708] EngineCore failed to start.`,
  )
  log.plain(
    `(EngineCore_DP0 pid=${process.pid}) ERROR ${clock(new Date())} [core.py:708] Traceback (most recent call last):`,
  )
  log.plain(`(EngineCore_DP0 pid=${process.pid}) ERROR ${clock(new Date())} [core.py:708] ${why}`)
  log.plain('RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}')
}
