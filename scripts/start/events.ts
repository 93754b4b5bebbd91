// Pieces of text out of a stream of completions, wherever its bytes are cut.
interface Piece {
  readonly choices?: readonly { readonly delta?: { readonly content?: string | null } }[]
}

export const createParser = (onText: (text: string) => void): ((bytes: Buffer) => void) => {
  const decoder = new TextDecoder()
  let rest = ''
  return bytes => {
    const lines = `${rest}${decoder.decode(bytes, { stream: true })}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const data = /^data: (\{.*)$/.exec(line)?.[1]
      const text = data && (JSON.parse(data) as Piece).choices?.[0]?.delta?.content
      if (text) onText(text)
    }
  }
}
