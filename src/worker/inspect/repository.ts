// Capabilities of a Hugging Face repository, from its own small files. Nothing is guessed: unknown is absent.
import type { Capabilities } from '../../domain/capabilities.ts'
import { toWeights } from '../sources/choose-files.ts'
import type { Listing, SourceFile } from '../sources/source.ts'
import { readConfig } from './config.ts'
import { findTemplate } from './prompt-template.ts'
import { type SmallFiles, toJson } from './read-json.ts'
import { decideTask } from './task.ts'

/** `read` answers the verified bytes of a small file, or throws WorkError. */
export interface RepositoryView {
  readonly listing: Listing
  readonly declaredTask: string | undefined
  readonly read: (file: SourceFile) => Promise<Buffer>
}

const limits: Readonly<Record<string, number>> = {
  'config.json': 4 << 20,
  'tokenizer_config.json': 8 << 20,
  'chat_template.jinja': 256 << 10,
  'chat_template.json': 512 << 10,
}

const readSmallFiles = async (view: RepositoryView): Promise<SmallFiles> => {
  const texts = new Map<string, string>()
  for (const file of view.listing.all) {
    const limit = limits[file.path]
    if (limit !== undefined && file.size <= limit)
      texts.set(file.path, (await view.read(file)).toString('utf8'))
  }
  return { text: path => texts.get(path), json: path => toJson(texts.get(path)) }
}

export const inspectRepository = async (view: RepositoryView): Promise<Capabilities> => {
  const small = await readSmallFiles(view)
  const template = findTemplate(small)
  const config = readConfig(small.json('config.json'))
  const paths = new Set(view.listing.all.map(file => file.path))
  const { isRanker, isUnquantized, ...known } = config
  const task = decideTask({
    architecture: config.architecture,
    declaredTask: view.declaredTask,
    paths,
    hasTemplate: template.promptTemplateSha256 !== undefined,
    isRanker: isRanker ?? false,
  })
  return {
    ...known,
    ...(isUnquantized && !paths.has('hf_quant_config.json') ? { quantization: 'none' } : {}),
    ...template,
    ...(task ? { task } : {}),
    weightBytes: toWeights(view.listing.files).reduce((sum, file) => sum + file.size, 0),
  }
}
