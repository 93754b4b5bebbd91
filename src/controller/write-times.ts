// When the status of each object was written last, and when a small change may be written next: not too often for one, not too many for all.
import type { Key } from '../domain/object.ts'

export interface WriteTimes {
  written(key: Key, now: number): void
  /** Milliseconds until the last write is that old; 0 = now. */
  untilDue(key: Key, everyMs: number, now: number): number
  /** The same for one of the small changes that all objects share a budget for; who has to wait keeps its turn. */
  untilTurn(key: Key, everyMs: number, now: number): number
  forget(key: Key): void
}

/** Nine small changes per second for all objects together: the goal is at most ten. */
const spacing = 110

export const createWriteTimes = (): WriteTimes => {
  const writtenAt = new Map<Key, number>()
  const turns = new Map<Key, number>()
  let lastTurn = Number.NEGATIVE_INFINITY
  const untilDue: WriteTimes['untilDue'] = (key, everyMs, now) =>
    Math.max(0, (writtenAt.get(key) ?? Number.NEGATIVE_INFINITY) + everyMs - now)
  const takeTurn = (key: Key, now: number): number => {
    lastTurn = Math.max(now, lastTurn + spacing)
    turns.set(key, lastTurn)
    return lastTurn
  }
  return {
    written: (key, now) => {
      writtenAt.set(key, now)
      turns.delete(key)
    },
    untilDue,
    untilTurn: (key, everyMs, now) => {
      const left = untilDue(key, everyMs, now)
      return left > 0 ? left : Math.max(0, (turns.get(key) ?? takeTurn(key, now)) - now)
    },
    forget: key => {
      writtenAt.delete(key)
      turns.delete(key)
    },
  }
}
