// What a model can do, as data read from its own files. An absent field is unknown, which is not false.
import * as z from 'zod'

export const tasks = ['Chat', 'Completion', 'Embedding', 'Rerank'] as const
export type Task = (typeof tasks)[number]

export const Capabilities = z.object({
  task: z.enum(tasks).optional().meta({ description: 'How the engine is asked when it is proved.' }),
  architecture: z
    .string()
    .max(128)
    .optional()
    .meta({ description: 'Class name in config.json or GGUF architecture.' }),
  contextLength: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .optional()
    .meta({ description: 'Longest context in tokens.' }),
  quantization: z.string().max(64).optional().meta({ description: 'Quantization method or GGUF file type.' }),
  dtype: z.string().max(32).optional().meta({ description: 'Element type of the weights.' }),
  promptTemplate: z
    .string()
    .max(1024)
    .optional()
    .meta({ description: 'Chat template, only when it is short.' }),
  promptTemplateSha256: z.string().max(64).optional().meta({ description: 'SHA-256 of the chat template.' }),
  promptTemplatePath: z
    .string()
    .max(255)
    .optional()
    .meta({ description: 'File of the repository that holds the template.' }),
  weightBytes: z
    .int()
    .min(0)
    .max(9_007_199_254_740_991)
    .optional()
    .meta({ description: 'Bytes of all weight files.' }),
})
export type Capabilities = Readonly<z.infer<typeof Capabilities>>
