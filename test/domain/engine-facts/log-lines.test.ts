// Each line of an engine's log that says something, as the whole sign that is read of it: mark, percent, or failure with its sentence.
import { describe, expect, it } from 'vitest'
import { llamaCppLog } from '../../../src/domain/engine-facts/llama-cpp-log.ts'
import { type LogPattern, readSign } from '../../../src/domain/engine-facts/load-log.ts'
import { ollamaLog } from '../../../src/domain/engine-facts/ollama-log.ts'
import { vllmLog } from '../../../src/domain/engine-facts/vllm-log.ts'

type Line = readonly [line: string, mark: string, reason?: string, message?: string]

const error = '(EngineCore_DP0 pid=77) ERROR 11-24 21:00:00 [core.py:708] '

const failures: readonly Line[] = [
  [
    `${error}torch.OutOfMemoryError: CUDA: full`,
    'OutOfMemory',
    'OutOfMemory',
    'torch.OutOfMemoryError: CUDA: full',
  ],
  ['torch.cuda.OutOfMemoryError: full', 'OutOfMemory', 'OutOfMemory', 'torch.cuda.OutOfMemoryError: full'],
  ['OutOfMemoryError: full', 'OutOfMemory', 'OutOfMemory', 'OutOfMemoryError: full'],
  ['cuda.OutOfMemoryError: full', 'OutOfMemory', 'OutOfMemory', 'cuda.OutOfMemoryError: full'],
  ['x CUDA error: out of memory now', 'OutOfMemory', 'OutOfMemory', 'CUDA error: out of memory now'],
  ['x CUDA out of memory now', 'OutOfMemory', 'OutOfMemory', 'CUDA out of memory now'],
  [
    `${error}ValueError: No available memory for the cache blocks. Try`,
    'NoCacheMemory',
    'OutOfMemory',
    'No available memory for the cache blocks. Try',
  ],
  [
    `${error}ValueError: To serve at least one request with`,
    'NoCacheMemory',
    'OutOfMemory',
    'To serve at least one request with',
  ],
  [
    `${error}ValueError: Free memory on device cuda:0`,
    'NoFreeMemory',
    'OutOfMemory',
    'Free memory on device cuda:0',
  ],
  ['OSError: [Errno 98] in use', 'PortTaken', 'PortTaken', 'OSError: [Errno 98] in use'],
  [
    `${error}safetensors_rust.SafetensorError: header`,
    'DamagedFile',
    'FilesUnreadable',
    'safetensors_rust.SafetensorError: header',
  ],
  ['SafetensorError: header', 'DamagedFile', 'FilesUnreadable', 'SafetensorError: header'],
  [
    'RuntimeError: Cannot find any model weights with `/m`',
    'MissingFile',
    'FilesUnreadable',
    'RuntimeError: Cannot find any model weights with `/m`',
  ],
  [
    'ValueError: Following weights were not initialized from checkpoint: x',
    'MissingFile',
    'FilesUnreadable',
    'ValueError: Following weights were not initialized from checkpoint: x',
  ],
  [
    'ValueError: Invalid repository ID or local directory specified: /m',
    'MissingFile',
    'FilesUnreadable',
    'ValueError: Invalid repository ID or local directory specified: /m',
  ],
  [
    "OSError: Can't load tokenizer for '/m'",
    'MissingFile',
    'FilesUnreadable',
    "OSError: Can't load tokenizer for '/m'",
  ],
  [
    'RuntimeError: Engine core initialization failed. See',
    'EngineCoreFailed',
    'LoadFailed',
    'Engine core initialization failed. See',
  ],
  ['vllm: error: no such flag', 'BadArguments', 'ArgumentsRefused', 'no such flag'],
  ['vllm serve: error: no such flag', 'BadArguments', 'ArgumentsRefused', 'no such flag'],
  [
    'x 12 validation errors for ModelConfig now',
    'BadArguments',
    'ArgumentsRefused',
    '12 validation errors for ModelConfig now',
  ],
  [
    'x 1 validation error for EngineConfig',
    'BadArguments',
    'ArgumentsRefused',
    '1 validation error for EngineConfig',
  ],
  [`${error}ValueError: strange`, 'Error', 'LoadFailed', 'ValueError: strange'],
  ['(APIServer pid=1) RuntimeError: strange', 'Error', 'LoadFailed', 'RuntimeError: strange'],
  ['(APIServer pid=1)RuntimeError: strange', 'Error', 'LoadFailed', 'RuntimeError: strange'],
  ['ERROR 11-24 21:00:00 [x.py:1] KeyError: strange', 'Error', 'LoadFailed', 'KeyError: strange'],
  ...[
    'OSError',
    'AssertionError',
    'ImportError',
    'ModuleNotFoundError',
    'NotImplementedError',
    'TypeError',
    'FileNotFoundError',
    'PermissionError',
    'pydantic_core._x.ValidationError',
    'huggingface_hub.HfHubHTTPError',
    'x.RepositoryNotFoundError',
  ].map((name): Line => [`${name}: strange`, 'Error', 'LoadFailed', `${name}: strange`]),
]

const progress: readonly Line[] = [
  ['vLLM API server version 0.32.0', 'ProcessStarted'],
  ['vLLM server version 0.32.0', 'ProcessStarted'],
  ['█  version 0.32.0', 'ProcessStarted'],
  ['█ version 0.32.0', 'ProcessStarted'],
  ['non-default args: {}', 'ArgumentsRead'],
  ['Resolved architecture: Llama', 'ArchitectureResolved'],
  ['Loading safetensors checkpoint shards:  25% Completed | 1/4', 'Weights 25%'],
  ['Loading pt checkpoint shards: 100% Completed', 'Weights 100%'],
  ['Loading np_cache shards:   0% Completed', 'Weights 0%'],
  ['Multi-thread loading shards:  50% Completed', 'Weights 50%'],
  ['Loading safetensors using Fastsafetensor loader:  75%', 'Weights 75%'],
  ["Using cache directory: /root/.cache for vLLM's torch.compile", 'CompileStarted'],
  ['Compiling a graph for dynamic shape', 'GraphCompiled'],
  ['Directly load the compiled graph(s)', 'GraphCompiled'],
  ['Directly loading the compiled graph', 'GraphCompiled'],
  ['torch.compile takes 3 s', 'Compiled'],
  ['torch.compile and initial profiling/warmup run together took 3 s', 'Compiled'],
  ['torch.compile took 3 s', 'Compiled'],
  ['Warming up model for the compilation.', 'WarmingUp'],
  ['Warming up done.', 'WarmedUp'],
  ['CPU KV cache size: 1,234,567 tokens', 'CacheSize'],
  ['Capturing CUDA graphs: 45%', 'Graphs 45%'],
  ['Capturing a-b c CUDA graphs (FULL): 7%', 'Graphs 7%'],
  ['Starting vLLM API server 0 on http://0.0.0.0:8000', 'ServerStarting'],
  ['Starting vLLM server on http://0.0.0.0:8000', 'ServerStarting'],
]

const ollama = 'time=2026-11-24T21:00:00.000Z level=INFO source=x.go:1 '

const ollamaFailures: readonly Line[] = [
  [
    `${ollama}msg="cudaMalloc failed: out of memory, sorry`,
    'OutOfMemory',
    'OutOfMemory',
    'cudaMalloc failed: out of memory, sorry',
  ],
  ['CUDA error: Out of memory now', 'OutOfMemory', 'OutOfMemory', 'Out of memory now'],
  [
    `${ollama}error="model requires more system memory (9.0 GiB) than is available (1.0 GiB)" x`,
    'NoMemory',
    'OutOfMemory',
    'model requires more system memory (9.0 GiB) than is available (1.0 GiB)',
  ],
  ['error loading model: tensor missing', 'FileRefused', 'FilesUnreadable', 'tensor missing'],
  [
    `${ollama}error="llama runner process has terminated: exit status 2"`,
    'RunnerEnded',
    'LoadFailed',
    'llama runner process has terminated: exit status 2"',
  ],
  [
    'llama runner process no longer running: 2',
    'RunnerEnded',
    'LoadFailed',
    'llama runner process no longer running: 2',
  ],
  [`${ollama}msg="error loading llama server" error="strange"`, 'LoadFailed', 'LoadFailed', 'strange'],
  [`${ollama}msg="failed to load model" model=/m error=strange`, 'LoadFailed', 'LoadFailed', 'strange'],
  [`${ollama}msg="llama load error: x" error="strange"`, 'LoadFailed', 'LoadFailed', 'strange'],
  [
    'x timed out waiting for llama runner to start - progress 0.10',
    'LoadTimedOut',
    'LoadStalled',
    'timed out waiting for llama runner to start - progress 0.10',
  ],
]

const ollamaProgress: readonly Line[] = [
  [`${ollama}msg="starting llama server"`, 'RunnerStarted'],
  [`${ollama}msg="starting ollama engine"`, 'RunnerStarted'],
  [`${ollama}msg="starting go runner"`, 'RunnerStarted'],
  [`${ollama}msg="loading first model"`, 'RunnerStarted'],
  [`${ollama}msg="loading model"`, 'ModelLoading'],
  [`${ollama}msg=loading model`, 'ModelLoading'],
  ['llama_model_loader: loaded meta data with 29 pairs', 'Metadata'],
  [`${ollama}msg=load request="{}"`, 'Metadata'],
  ['load_tensors: offloaded 29/30 layers to GPU', 'Offloaded'],
  [`${ollama}msg="offloaded 10 layers"`, 'Offloaded'],
  [`${ollama}msg="offloading 10 layers"`, 'Offloaded'],
  [`${ollama}msg="model load progress 45%"`, 'Weights 45%'],
  [`${ollama}msg="waiting for server to become available" status="x"`, 'RunnerWaiting'],
  [`${ollama}msg="waiting for llama runner to start responding"`, 'RunnerWaiting'],
]

const llamaFailures: readonly Line[] = [
  [
    'embedded: llama.cpp cannot be installed: no network',
    'InstallFailed',
    'LoadFailed',
    'llama.cpp cannot be installed: no network',
  ],
  ['embedded: port 8080 is taken by another', 'PortTaken', 'PortTaken', 'port 8080 is taken by another'],
  [
    'embedded: arguments: --x is not known',
    'BadArguments',
    'ArgumentsRefused',
    'arguments: --x is not known',
  ],
  [
    'embedded: the model cannot be read: short',
    'DamagedFile',
    'FilesUnreadable',
    'the model cannot be read: short',
  ],
  [
    'embedded: not enough memory for 4096 tokens',
    'NoMemory',
    'OutOfMemory',
    'not enough memory for 4096 tokens',
  ],
  ['embedded: failed: strange', 'Error', 'LoadFailed', 'failed: strange'],
]

const llamaProgress: readonly Line[] = [
  ['embedded: installing llama.cpp b1', 'Installing'],
  ['embedded: llama.cpp is installed', 'Installed'],
  ['embedded: loading 45%', 'Weights 45%'],
  ['embedded: loading 100%', 'Weights 100%'],
  ['embedded: serving m on 127.0.0.1:8080', 'Ready'],
]

/** Words of a client or a model that stand in a line, and sentences that the server does not say. */
const notOfLlama: readonly string[] = [
  ...[...llamaFailures, ...llamaProgress].map(([line]) => `asked: ${line}`),
  'embedded: failed to say why',
  'embedded: port x is taken',
  'embedded: loading soon',
]

const inLog = (log: readonly LogPattern[], lines: readonly Line[]) =>
  lines.map(said => [said[0], log, said] as const)

describe('the log of a loading engine', () => {
  it.each([
    ...inLog(vllmLog, failures),
    ...inLog(ollamaLog, ollamaFailures),
    ...inLog(llamaCppLog, llamaFailures),
  ])('tells of a failure: %s', (line, log, [, mark, reason, message]) => {
    expect(readSign(line, log)).toMatchObject({ mark, failure: { reason, message } })
  })

  it.each([
    ...inLog(vllmLog, progress),
    ...inLog(ollamaLog, ollamaProgress),
    ...inLog(llamaCppLog, llamaProgress),
  ])('tells that it goes on: %s', (line, log, [, mark]) => {
    const percent = /(\d+)%/.exec(mark)?.[1]
    expect(readSign(line, log)).toEqual({ mark, ...(percent ? { percent: Number(percent) } : {}) })
  })

  it.each(notOfLlama)('of the embedded llama.cpp says nothing by: %s', line => {
    expect(readSign(line, llamaCppLog)).toBeUndefined()
  })

  it('is read without its colours, and only as far as a line of it is long', () => {
    const log = [{ mark: 'M', pattern: /^m(?<percent>[-\d.]+)%$/ }]
    expect(readSign('\x1b[1;36mm5%\x1b[0m', log)).toEqual({ mark: 'M 5%', percent: 5 })
    expect(readSign('m250.7%', log)?.percent).toBe(100)
    expect(readSign('m-3%', log)?.percent).toBe(0)
    expect(readSign('m5.9%', log)?.percent).toBe(5)
    expect(readSign(`${' '.repeat(4095)}ab`, [{ mark: 'M', pattern: /ab/ }])).toBeUndefined()
    expect(readSign(`${' '.repeat(4094)}ab`, [{ mark: 'M', pattern: /ab/ }])).toEqual({ mark: 'M' })
  })

  it('has as its sentence what the pattern names, else all from the match on', () => {
    const reason = 'LoadFailed' as const
    expect(readSign('a b c', [{ mark: 'M', reason, pattern: /b/ }])?.failure?.message).toBe('b c')
  })
})
