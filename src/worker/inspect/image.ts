// Capabilities of an Ollama image, from its configuration and its template layer.
import type { Capabilities, Task } from '../../domain/capabilities.ts'
import type { SourceFile } from '../sources/source.ts'
import { describeTemplate } from './prompt-template.ts'
import { type Json, toCount, toJson, toWord } from './read-json.ts'

export interface ImageView {
  /** configuration first, then the layers in the manifest's order */
  readonly layers: readonly SourceFile[]
  readonly read: (file: SourceFile) => Promise<Buffer>
}

const smallLimit = 256 << 10
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

export const inspectImage = async (view: ImageView): Promise<Capabilities> => {
  const templateLayer = ofKind(view.layers, 'template')[0]
  const config = readConfig(toJson(await readText(view, view.layers[0])))
  const template = await readText(view, templateLayer)
  const task = toTask(config.architecture, template !== undefined)
  const weights = [
    ...ofKind(view.layers, 'model'),
    ...ofKind(view.layers, 'projector'),
    ...ofKind(view.layers, 'adapter'),
  ]
  return {
    ...config,
    ...(template !== undefined && templateLayer ? describeTemplate(template, templateLayer.path) : {}),
    ...(task ? { task } : {}),
    weightBytes: weights.reduce((sum, layer) => sum + layer.size, 0),
  }
}
