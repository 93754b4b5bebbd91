// Capabilities of an Ollama image, from its configuration and its template layer.
import type { Capabilities, Task } from '../../domain/capabilities.ts'
import type { SourceFile } from '../sources/source.ts'
import { findContextLength } from './gguf.ts'
import { describeTemplate } from './prompt-template.ts'
import { type Json, toCount, toJson, toWord } from './read-json.ts'

export interface ImageView {
  /** configuration first, then the layers in the manifest's order */
  readonly layers: readonly SourceFile[]
  readonly read: (file: SourceFile) => Promise<Buffer>
  /** the first bytes of a large file, unverified; undefined when the registry does not give a part */
  readonly readHead: (file: SourceFile, bytes: number) => Promise<Buffer | undefined>
}

const smallLimit = 256 << 10
/** the length stands before the vocabulary, which is what makes a header long */
const headBytes = 64 << 10
/** families that only embed */
const embedders = ['bert', 'nomic-bert', 'nomic-bert-moe', 'jina-bert-v2']

const ofKind = (layers: readonly SourceFile[], kind: string): readonly SourceFile[] =>
  layers.filter(layer => layer.mediaType === `application/vnd.ollama.image.${kind}`)

const readText = async (view: ImageView, file: SourceFile | undefined): Promise<string | undefined> =>
  file && file.size <= smallLimit ? (await view.read(file)).toString('utf8') : undefined

const toTask = (family: string | undefined, hasTemplate: boolean): Task | undefined => {
  if (family && embedders.includes(family)) return 'Embedding'
  return hasTemplate ? 'Chat' : undefined
}

const readConfig = (config: Json | undefined): Capabilities => {
  const architecture = toWord(config?.['model_family'], 128)
  const quantization = toWord(config?.['file_type'], 64)
  const contextLength = toCount(config?.['context_length'])
  return {
    ...(architecture ? { architecture } : {}),
    ...(quantization ? { quantization } : {}),
    ...(contextLength ? { contextLength } : {}),
  }
}

const readContextLength = async (view: ImageView): Promise<number | undefined> => {
  const model = ofKind(view.layers, 'model')[0]
  const head = model && (await view.readHead(model, headBytes))
  return head && toCount(findContextLength(head))
}

export const inspectImage = async (view: ImageView): Promise<Capabilities> => {
  const templateLayer = ofKind(view.layers, 'template')[0]
  const config = readConfig(toJson(await readText(view, view.layers[0])))
  const contextLength = config.contextLength ?? (await readContextLength(view))
  const template = await readText(view, templateLayer)
  const task = toTask(config.architecture, template !== undefined)
  const weights = [
    ...ofKind(view.layers, 'model'),
    ...ofKind(view.layers, 'projector'),
    ...ofKind(view.layers, 'adapter'),
  ]
  return {
    ...config,
    ...(contextLength ? { contextLength } : {}),
    ...(template !== undefined && templateLayer ? describeTemplate(template, templateLayer.path) : {}),
    ...(task ? { task } : {}),
    weightBytes: weights.reduce((sum, layer) => sum + layer.size, 0),
  }
}
