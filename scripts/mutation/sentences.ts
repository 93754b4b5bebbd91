// What the mutation score leaves out: the words of a sentence. Emptying one changes no behaviour, and golden texts hold the wording.
// A sentence is a literal with a blank in it that is no CEL rule; in a template only names may stand beside the words.
import type { Ignorer } from '@stryker-mutator/api/ignore'
import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin'

/** As much of a syntax tree's node as is looked at here. */
interface Node {
  readonly type: string
  readonly value?: unknown
  readonly quasis?: readonly { readonly value: { readonly raw: string } }[]
  readonly expressions?: readonly Node[]
  readonly computed?: boolean
  readonly object?: Node
  readonly key?: { readonly name?: string }
}

const hasBlank = (text: string) => /\S\s|\s\S/.test(text)

const isName = (node: Node | undefined): boolean =>
  node?.type === 'Identifier' || (node?.type === 'MemberExpression' && !node.computed && isName(node.object))

const isSentence = ({ type, value, quasis = [], expressions = [] }: Node): boolean => {
  if (type === 'StringLiteral') return hasBlank(String(value))
  return (
    type === 'TemplateLiteral' && quasis.some(part => hasBlank(part.value.raw)) && expressions.every(isName)
  )
}

const sentences: Ignorer = {
  shouldIgnore: path => {
    const { node, parent } = path as unknown as { readonly node: Node; readonly parent?: Node }
    return isSentence(node) && parent?.key?.name !== 'rule' ? 'the words of a sentence' : undefined
  },
}

export const strykerPlugins = [declareValuePlugin(PluginKind.Ignore, 'sentences', sentences)]
