// Which files of a repository are fetched: the weights of one safe format, and what an engine reads beside them.
import type { Format } from '../../domain/artifact.ts'
import { WorkError } from '../outcome.ts'
import { toMatcher } from './glob.ts'
import type { SourceFile } from './source.ts'

const defaultInclude = ['*.safetensors', '*.json', '*.jinja', '*.txt', '*.model', '*.tiktoken', 'tokenizer*']
/** second copies of the same weights, for other programs */
const otherCopies = [
  'original/*',
  'onnx/*',
  'openvino/*',
  'coreml/*',
  'metal/*',
  'gguf/*',
  'tf/*',
  'flax/*',
  '.*',
]
/** formats that can run code when they are read */
const pickles = /\.(bin|pt|pth|ckpt|pkl|pickle|joblib|h5|keras|msgpack|nemo|ot|npy|npz|mar|dill)$/i
const code = /\.(py|so|dll|dylib|sh|exe)$/i

export interface Patterns {
  readonly include?: readonly string[] | undefined
  readonly exclude?: readonly string[] | undefined
}

export interface Choice {
  readonly files: readonly SourceFile[]
  readonly format: Format
}

const extensionOf = (name: string): string => /\.[A-Za-z0-9]+$/.exec(name)?.[0].toLowerCase() ?? ''

/** `*` does not name a pickle; `*.bin` and `pytorch_model.bin` do. */
const toNamedExtensions = (include: readonly string[]): ReadonlySet<string> =>
  new Set(include.map(extensionOf).filter(Boolean))

const mainSet = /^model(-\d+-of-\d+)?\.safetensors$/
const secondSet = /^(consolidated.*|model\.[a-z0-9_-]+)\.safetensors$/

const toSelector = (all: readonly SourceFile[], patterns: Patterns): ((path: string) => boolean) => {
  const include = patterns.include?.length ? patterns.include : undefined
  const isIncluded = toMatcher(include ?? defaultInclude)
  const isExcluded = toMatcher(patterns.exclude ?? [])
  const isOtherCopy = toMatcher(otherCopies)
  const named = toNamedExtensions(include ?? [])
  const hasMain = all.some(file => mainSet.test(file.path))
  return path => {
    if (!isIncluded(path) || isExcluded(path)) return false
    if ((pickles.test(path) || code.test(path)) && !named.has(extensionOf(path))) return false
    return include !== undefined || !(isOtherCopy(path) || (hasMain && secondSet.test(path)))
  }
}

const isWeight = (path: string): boolean => /\.(safetensors|gguf)$/i.test(path) || pickles.test(path)

export const toWeights = (files: readonly SourceFile[]): readonly SourceFile[] =>
  files.filter(file => isWeight(file.path))

const refuseEmpty = (all: readonly SourceFile[], patterns: Patterns): never => {
  const others = all.filter(file => isWeight(file.path)).map(file => file.path)
  const isPickleOnly = others.length > 0 && others.every(path => pickles.test(path))
  if (isPickleOnly && !patterns.include?.length) {
    throw new WorkError(
      'UnsafeFormat',
      `the repository has weights only in formats that can run code: ${others.slice(0, 3).join(', ')}`,
    )
  }
  const hint = others.length > 0 ? `; it has ${others.slice(0, 3).join(', ')}` : '; the repository has none'
  throw new WorkError('NothingToFetch', `the patterns leave no file of weights${hint}`)
}

const refuseClashes = (files: readonly SourceFile[]): void => {
  const seen = new Set<string>()
  const folders = new Set<string>()
  for (const { path } of files) {
    const folded = path.toLowerCase()
    if (seen.has(folded)) throw new WorkError('UnsafePath', `two files differ only in case: ${path}`)
    seen.add(folded)
    for (let i = folded.indexOf('/'); i > 0; i = folded.indexOf('/', i + 1)) folders.add(folded.slice(0, i))
  }
  for (const folder of folders) {
    if (seen.has(folder)) throw new WorkError('UnsafePath', `a file is also a folder: ${folder}`)
  }
}

export const chooseFiles = (all: readonly SourceFile[], patterns: Patterns): Choice => {
  const isWanted = toSelector(all, patterns)
  const files = all.filter(file => isWanted(file.path))
  if (toWeights(files).length === 0) refuseEmpty(all, patterns)
  refuseClashes(files)
  const isGguf =
    !files.some(file => file.path.endsWith('.safetensors')) && files.some(file => /\.gguf$/i.test(file.path))
  return { files, format: isGguf ? 'GGUF' : 'Safetensors' }
}
