// How a Runtime's engine runs on a host: a process of ours, or one that is not ours and is switched through its API alone.
import * as z from 'zod'
import { endpointPattern } from './names.ts'
import { argument } from './parts.ts'
import { atomicList, withRules, word } from './schema.ts'

export const hardenings = ['Strict', 'Compat', 'None'] as const
export type Hardening = (typeof hardenings)[number]

/** A service by its whole name: no path, no pattern, no option. */
const unitPattern = '^[A-Za-z0-9_][A-Za-z0-9:_.@-]*\\.service$'

export const Host = withRules(
  z.object({
    command: atomicList(argument(), 64).optional().meta({
      description:
        'Words that start the engine, without a shell; default: vllm serve or ollama serve, found on the PATH.',
    }),
    unit: word(255, unitPattern).optional().meta({
      description:
        'Unit of systemd that is not ours: of an Ollama, which is watched and switched through its API alone, or of a vLLM, after `switchyard install --unit` has let it be switched.',
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
        'What the unit of the engine allows: Strict (default), Compat (reads homes, writes what its account may), None. Without systemd there are no such limits.',
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
      rule: '!has(self.unit) || !has(self.command) && !has(self.url) && !has(self.hardening)',
      message: 'unit is for a unit that is not ours; command, url and hardening do not go with it',
      holds: self =>
        self.unit === undefined || [self.command, self.url, self.hardening].every(one => one === undefined),
    },
    {
      rule: `!has(self.url) || !self.url.contains('..')`,
      message: "url must not contain '..'",
      fieldPath: '.url',
      holds: self => !self.url?.includes('..'),
    },
  ],
)

interface Wish {
  readonly engine: string
  readonly host?: { readonly url?: string | undefined; readonly unit?: string | undefined } | undefined
}

export const foreignNeedsOllama = [
  {
    rule: 'self.engine == "Ollama" || !has(self.host) || !has(self.host.url)',
    message: 'host.url is for Ollama; vLLM changes its model only with a new process',
    holds: (self: Wish) => self.engine === 'Ollama' || self.host?.url === undefined,
  },
]

/** Its process is not ours: it is spoken to, and never started or ended. */
export const isForeign = ({ engine, host }: Wish): boolean =>
  host?.url !== undefined || (host?.unit !== undefined && engine !== 'VLLM')
