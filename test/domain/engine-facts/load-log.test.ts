import { describe, expect, it } from 'vitest'
import { readSign } from '../../../src/domain/engine-facts/load-log.ts'
import { ollamaLog } from '../../../src/domain/engine-facts/ollama-log.ts'
import { vllmLog } from '../../../src/domain/engine-facts/vllm-log.ts'

const core = '(EngineCore_DP0 pid=77) INFO 11-24 21:00:00 [core.py:77] '
const error = '(EngineCore_DP0 pid=77) ERROR 11-24 21:00:00 [core.py:708] '

describe('the log of a loading vLLM', () => {
  it.each([
    [
      '(APIServer pid=1) INFO 11-24 21:00:00 [api_server.py:1] vLLM API server version 0.32.0',
      'ProcessStarted',
    ],
    [
      '(APIServer pid=1) INFO 11-24 21:00:00 [api_utils.py:347]  ▄▄ ▄█ █     █     █ ▀▄▀ █  version 0.32.0',
      'ProcessStarted',
    ],
    [`${core}Initializing a V1 LLM engine (v0.32.0) with config: model='/m'`, 'EngineCoreStarted'],
    [`${core}Starting to load model /m...`, 'ModelLoading'],
    [
      '\x1b[36m(Worker_TP0 pid=9)\x1b[0;0m Loading safetensors checkpoint shards:  25% Completed | 1/4 [00:01<00:03]',
      'Weights 25%',
    ],
    ['Multi-thread loading shards:  50% Completed | 2/4', 'Weights 50%'],
    [`${core}Loading weights took 1.23 seconds`, 'WeightsLoaded'],
    [`${core}Model loading took 14.2 GiB memory and 13.600000 seconds`, 'ModelLoaded'],
    [`${core}Dynamo bytecode transform time: 5.20 s`, 'Transformed'],
    [`${core}torch.compile takes 30.10 s in total`, 'Compiled'],
    [`${core}Available KV cache memory: 4.50 GiB`, 'CacheMemory'],
    [
      `${core}GPU KV cache size: 123,456 tokens, Maximum concurrency for 4,096 tokens per request: 30.1x`,
      'CacheSize',
    ],
    [
      'Capturing CUDA graphs (mixed prefill-decode, PIECEWISE):  45%|####5     | 30/67 [00:02<00:02]',
      'Graphs 45%',
    ],
    ['Capturing prefill CUDA graphs (FULL): 100%|##########| 3/3', 'Graphs 100%'],
    [`${core}Graph capturing finished in 12 secs, took 0.50 GiB`, 'GraphsCaptured'],
    [`${core}init engine (profile, create kv cache, warmup model) took 12.00 s`, 'EngineReady'],
    ['INFO:     Application startup complete.', 'Ready'],
  ])('%s says %s', (line, mark) => {
    expect(readSign(line, vllmLog)?.mark).toBe(mark)
    expect(readSign(line, vllmLog)?.failure).toBeUndefined()
  })

  it.each([
    [
      `${error}torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.96 GiB.`,
      'torch.OutOfMemoryError: CUDA',
      'OutOfMemory',
    ],
    [
      `${error}ValueError: No available memory for the cache blocks. Try increasing`,
      'No available memory',
      'OutOfMemory',
    ],
    [
      `${error}ValueError: To serve at least one request with the model's max seq len (131072), 16.00 GiB KV cache is needed`,
      'To serve at least one',
      'OutOfMemory',
    ],
    [
      `${error}ValueError: Free memory on device cuda:0 (10.1/24.0 GiB) on startup is less than desired`,
      'Free memory on device',
      'OutOfMemory',
    ],
    [
      `${error}safetensors_rust.SafetensorError: Error while deserializing header: header too small`,
      'safetensors_rust',
      'FilesUnreadable',
    ],
    [
      '(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above.',
      'Engine core initialization failed',
      'LoadFailed',
    ],
    ['vllm serve: error: unrecognized arguments: --nope', 'unrecognized arguments', 'ArgumentsRefused'],
    [
      '(APIServer pid=1) pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig',
      '1 validation error',
      'ArgumentsRefused',
    ],
    [
      "OSError: [Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): address already in use",
      'OSError',
      'PortTaken',
    ],
  ])('%s is a failure with its sentence, which starts with %s: %s', (line, start, reason) => {
    const failure = readSign(line, vllmLog)?.failure
    expect(failure?.reason).toBe(reason)
    expect(failure?.message.startsWith(start)).toBe(true)
    expect(Buffer.byteLength(failure?.message ?? '')).toBeLessThanOrEqual(200)
  })

  it('knows the line that only points to another one', () => {
    const isPointer = (line: string) => readSign(line, vllmLog)?.failure?.isPointer
    expect(isPointer('RuntimeError: Engine core initialization failed. See root cause above.')).toBe(true)
    expect(isPointer(`${error}ValueError: Model architectures are not supported`)).toBeUndefined()
  })

  it.each([
    '',
    'INFO 11-24 21:00:00 [x.py:1] Using FlashInfer; ValueError: is only mentioned here',
    'INFO:     10.0.0.1:1 - "GET /health HTTP/1.1" 200 OK',
    'WARNING 11-24 21:00:00 [x.py:1] Found duplicate keys --seed',
    '  File "/opt/x.py", line 3, in load',
  ])('%j says nothing about loading', line => {
    expect(readSign(line, vllmLog)).toBeUndefined()
  })
})

describe('the log of a loading Ollama', () => {
  const at = 'time=2026-11-24T21:00:00.000Z level=INFO '
  it.each([
    [`${at}source=routes.go:1 msg="Listening on 127.0.0.1:11434 (version 0.22.0)"`, 'ProcessStarted'],
    [`${at}source=server.go:1 msg="starting runner" cmd="/bin/ollama runner"`, 'RunnerStarted'],
    [`${at}source=server.go:1 msg="waiting for llama runner to start responding"`, 'RunnerWaiting'],
    ['time=2026-11-24T21:00:00Z level=DEBUG source=server.go:1 msg="model load progress 45%"', 'Weights 45%'],
    [`${at}source=server.go:1 msg="llama runner started in 0.25 seconds"`, 'Ready'],
  ])('%s says %s', (line, mark) => {
    expect(readSign(line, ollamaLog)?.mark).toBe(mark)
  })

  it('a runner that ended is a failure with its sentence', () => {
    const line = `${at}source=sched.go:1 msg="error loading llama server" error="llama runner process has terminated: exit status 2"`
    expect(readSign(line, ollamaLog)?.failure?.message).toContain('llama runner process has terminated')
  })
})
