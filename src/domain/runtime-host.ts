// How a Runtime's engine runs on a host: a process of ours, or one that is not ours and is switched through its API alone.
import * as z from 'zod'
import { endpointPattern } from './names.ts'
import { argument } from './parts.ts'
import { atomicList, withRules, word } from './schema.ts'

export const hardenings = ['Strict', 'Compat', 'Off'] as const
export type Hardening = (typeof hardenings)[number]

export const Host = withRules(
  z.object({
    command: atomicList(argument(), 64).optional().meta({
      description:
        'Words that start the engine, without a shell; default: vllm serve or ollama serve, found on the PATH.',
    }),
    url: word(512, endpointPattern).optional().meta({
      description:
        'Address of an Ollama that is not ours: http://ip:port; it is switched through its API alone.',
    }),
    port: z.int().min(1).max(65535).optional().meta({
      description: 'Port of the engine on 127.0.0.1; default 8000 (vLLM), 11434 (Ollama).',
    }),
    hardening: z.enum(hardenings).optional().meta({
      description:
        'What the unit of the engine allows: Strict (default), Compat (reads homes, writes what its account may), Off. Without systemd there are no such limits.',
    }),
  }),
  [
    {
      rule: '!has(self.url) || !has(self.command) && !has(self.port) && !has(self.hardening)',
      message: 'url is for a process that is not ours; command, port and hardening are for one that is',
      holds: self =>
        self.url === undefined || [self.command, self.port, self.hardening].every(one => one === undefined),
    },
    {
      rule: `!has(self.url) || !self.url.contains('..')`,
      message: "url must not contain '..'",
      fieldPath: '.url',
      holds: self => !self.url?.includes('..'),
    },
  ],
)

export const urlNeedsOllama = {
  rule: 'self.engine == "Ollama" || !has(self.host) || !has(self.host.url)',
  message: 'host.url is for Ollama; vLLM changes its model only with a new process',
  holds: (self: {
    readonly engine: string
    readonly host?: { readonly url?: string | undefined } | undefined
  }) => self.engine === 'Ollama' || self.host?.url === undefined,
}
