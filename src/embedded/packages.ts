// What is used of the packages that are installed on first use; they are no dependencies, so their own types are not there.

export interface LlamaModel {
  readonly trainContextSize: number
  readonly fileInfo: { readonly metadata: { readonly tokenizer?: { readonly chat_template?: string } } }
  readonly tokens: { readonly bosString?: string | null; readonly eosString?: string | null }
  tokenize(text: string, specialTokens: boolean): number[]
  createContext(options: {
    readonly contextSize: number
    readonly sequences: number
    readonly threads: number
  }): Promise<LlamaContext>
}

export interface LlamaContext {
  /** of one sequence */
  readonly contextSize: number
  getSequence(): object
}

export interface LlamaCompletion {
  generateCompletionWithMeta(
    tokens: number[],
    options: {
      readonly maxTokens: number
      readonly temperature: number
      readonly topP: number
      readonly seed?: number
      readonly customStopTriggers: readonly string[]
      readonly signal: AbortSignal
      readonly onTextChunk: (text: string) => void
      readonly onToken: (tokens: readonly number[]) => void
    },
  ): Promise<{ readonly response: string; readonly metadata: { readonly stopReason: string } }>
}

export interface LlamaPackage {
  getLlama(options: {
    readonly gpu: false
    readonly build: 'never'
    readonly skipDownload: true
    readonly progressLogs: false
    readonly logLevel: 'error'
    readonly logger: (level: string, message: string) => void
  }): Promise<{
    loadModel(options: {
      readonly modelPath: string
      readonly onLoadProgress: (done: number) => void
    }): Promise<LlamaModel>
    dispose(): Promise<void>
  }>
  readonly LlamaCompletion: new (options: { readonly contextSequence: object }) => LlamaCompletion
}

export interface JinjaPackage {
  readonly Template: new (source: string) => { render(values: Readonly<Record<string, unknown>>): string }
}
