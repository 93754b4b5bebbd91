// What the log of a starting vLLM (0.32; older lines where they differ) says about loading.
import type { LogPattern } from './load-log.ts'

/** Lines of a traceback's end, printed plainly or behind `ERROR date [file:line]`. */
const fatalErrors =
  'ValueError|RuntimeError|OSError|AssertionError|ImportError|ModuleNotFoundError|NotImplementedError|KeyError|TypeError|FileNotFoundError|PermissionError|pydantic_core\\S*ValidationError|\\S*HfHubHTTPError|\\S*RepositoryNotFoundError|\\S*SafetensorError'

/** The first that matches speaks. */
export const vllmLog: readonly LogPattern[] = [
  // failures
  {
    mark: 'OutOfMemory',
    reason: 'OutOfMemory',
    pattern: /(?<message>(?:torch\.)?(?:cuda\.)?OutOfMemoryError: .*)$/,
  },
  { mark: 'OutOfMemory', reason: 'OutOfMemory', pattern: /(?<message>CUDA (?:error: )?out of memory.*)$/ },
  {
    mark: 'NoCacheMemory',
    reason: 'OutOfMemory',
    pattern: /ValueError: (?<message>No available memory for the cache blocks.*)$/,
  },
  {
    mark: 'NoCacheMemory',
    reason: 'OutOfMemory',
    pattern: /ValueError: (?<message>To serve at least one request .*)$/,
  },
  {
    mark: 'NoFreeMemory',
    reason: 'OutOfMemory',
    pattern: /ValueError: (?<message>Free memory on device .*)$/,
  },
  { mark: 'PortTaken', reason: 'PortTaken', pattern: /(?<message>OSError: \[Errno 98\].*)$/ },
  { mark: 'DamagedFile', reason: 'FilesUnreadable', pattern: /(?<message>\S*SafetensorError: .*)$/ },
  {
    mark: 'MissingFile',
    reason: 'FilesUnreadable',
    pattern:
      /(?<message>(?:RuntimeError: Cannot find any model weights with|ValueError: Following weights were not initialized|ValueError: Invalid repository ID or local directory|OSError: Can't load tokenizer).*)$/,
  },
  {
    mark: 'EngineCoreFailed',
    reason: 'LoadFailed',
    isPointer: true,
    pattern: /(?<message>Engine core initialization failed.*)$/,
  },
  { mark: 'BadArguments', reason: 'ArgumentsRefused', pattern: /^vllm(?: serve)?: error: (?<message>.*)$/ },
  {
    mark: 'BadArguments',
    reason: 'ArgumentsRefused',
    pattern: /(?<message>\d+ validation errors? for \w+Config.*)$/,
  },
  {
    mark: 'Error',
    reason: 'LoadFailed',
    pattern: new RegExp(
      `^(?:\\([^)]*\\) ?)?(?:ERROR \\d\\d-\\d\\d [\\d:]+ \\[[^\\]]*\\] )?(?<message>(?:${fatalErrors}): .*)$`,
    ),
  },
  // progress, in the order in which it comes
  { mark: 'ProcessStarted', pattern: /(?:vLLM (?:API )?server|█ ) *version \d/ },
  { mark: 'ArgumentsRead', pattern: /non-default args:/ },
  { mark: 'ArchitectureResolved', pattern: /Resolved architecture:/ },
  { mark: 'EngineCoreStarted', pattern: /Initializing a V1 LLM engine/ },
  { mark: 'ModelLoading', pattern: /Starting to load model / },
  {
    mark: 'Weights',
    pattern: /Loading (?:safetensors|pt|np_cache) (?:checkpoint )?shards:\s+(?<percent>\d+)% Completed/,
  },
  {
    mark: 'Weights',
    pattern: /(?:Multi-thread loading shards|Loading safetensors using [\w ]+):\s+(?<percent>\d+)%/,
  },
  { mark: 'WeightsLoaded', pattern: /Loading weights took/ },
  { mark: 'ModelLoaded', pattern: /Model loading took/ },
  { mark: 'CompileStarted', pattern: /Using cache directory: .* for vLLM's torch\.compile/ },
  { mark: 'Transformed', pattern: /Dynamo bytecode transform time/ },
  { mark: 'GraphCompiled', pattern: /Compiling a graph for|Directly load(?:ing)? the compiled graph/ },
  {
    mark: 'Compiled',
    pattern: /torch\.compile (?:and initial profiling\/warmup run together )?(?:takes|took)/,
  },
  { mark: 'WarmingUp', pattern: /Warming up model for the compilation/ },
  { mark: 'WarmedUp', pattern: /Warming up done/ },
  { mark: 'CacheMemory', pattern: /Available KV cache memory:/ },
  { mark: 'CacheSize', pattern: /KV cache size: [\d,]+ tokens/ },
  { mark: 'Graphs', pattern: /Capturing (?:[\w-]+ )*CUDA graphs[^:]*:\s+(?<percent>\d+)%/ },
  { mark: 'GraphsCaptured', pattern: /Graph capturing finished/ },
  { mark: 'EngineReady', pattern: /init engine \(profile, create kv cache, warmup model\) took/ },
  { mark: 'ServerStarting', pattern: /Starting vLLM (?:API )?server/ },
  { mark: 'Ready', pattern: /Application startup complete/ },
]
