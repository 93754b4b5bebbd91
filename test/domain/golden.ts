// Golden text beside the tests of the domain: what is told is what the file says. Write the files anew with UPDATE_GOLDEN=1.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import type { ModelStatus } from '../../src/domain/model.ts'
import type { RuntimeStatus } from '../../src/domain/runtime.ts'

export const expectGolden = (name: string, told: string): void => {
  const file = join(import.meta.dirname, 'golden', name)
  if (process.env['UPDATE_GOLDEN']) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, told)
  }
  expect(told, `${name}: meant so? UPDATE_GOLDEN=1 writes it anew`).toBe(readFileSync(file, 'utf8'))
}

/** JSON in one line; a digest of one digit is cut short. */
export const inShort = (value: unknown): string =>
  (JSON.stringify(value) ?? 'nothing').replace(/(.)\1{30,}/g, '$1…')

interface Said {
  readonly message: string
  readonly again?: number
  readonly isStalled?: boolean
  readonly hold?: boolean
  readonly change?: object
  readonly actions: readonly object[]
}

/** A decision as a person reads it: the words, when it is looked at again, and each action whole. */
export const tellDecision = (title: string, { message, actions, ...said }: Said): string =>
  [
    title,
    `  ${message}`,
    ...(said.again === undefined ? [] : [`  again in ${said.again / 1000} s`]),
    ...(said.isStalled ? ['  a person must act'] : []),
    ...(said.hold ? ['  writes nothing'] : []),
    ...Object.entries(said.change ?? {}).map(([field, value]) => `  sets ${field}: ${inShort(value)}`),
    ...actions.map(action => `  does ${inShort(action)}`),
    '',
  ].join('\n')

/** A line for what stands alone, then one for each copy, entry of the history and condition. */
export const tellStatus = (status: ModelStatus | RuntimeStatus): string[] => {
  const { resolved, copies = [], operations = [], conditions = [], ...rest } = status as ModelStatus
  return [
    inShort({ resolved: resolved?.revision, ...rest }),
    ...copies.slice(0, 3).map(copy => `copy ${inShort(copy)}`),
    ...operations.map(one => `operation ${inShort(one)}`),
    ...conditions.map(({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`),
  ]
}
