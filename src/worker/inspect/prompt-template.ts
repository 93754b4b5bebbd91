// Finds the chat template, its hash and the file that holds it; it is never run and never searched for words.
import type { Capabilities } from '../../domain/capabilities.ts'
import { sha256 } from '../transfer/digest.ts'
import { type SmallFiles, toObject } from './read-json.ts'

type Template = Pick<Capabilities, 'promptTemplate' | 'promptTemplateSha256' | 'promptTemplatePath'>

/** Longest template that stands in status. */
const inlineLimit = 1024
const longest = 256 << 10

export const describeTemplate = (text: string, path: string): Template => ({
  ...(text.length <= inlineLimit ? { promptTemplate: text } : {}),
  promptTemplateSha256: sha256(text),
  promptTemplatePath: path,
})

/** One template, or several with names: the one called default. */
const toText = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return undefined
  const named = value.map(toObject).find(entry => entry?.['name'] === 'default')?.['template']
  return typeof named === 'string' ? named : undefined
}

/** Newer repositories keep it in a file of its own, which then wins. */
export const findTemplate = (small: SmallFiles): Template => {
  const places: [string, string | undefined][] = [
    ['chat_template.jinja', small.text('chat_template.jinja')],
    ['chat_template.json', toText(small.json('chat_template.json')?.['chat_template'])],
    ['tokenizer_config.json', toText(small.json('tokenizer_config.json')?.['chat_template'])],
  ]
  const found = places.find(([, text]) => text !== undefined && text.length > 0 && text.length <= longest)
  return found?.[1] === undefined ? {} : describeTemplate(found[1], found[0])
}
