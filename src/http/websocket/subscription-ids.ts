/**
 * Enforces what graphql-ws assumes about the messages that it receives: that a client may send them, and that an id has
 * one subscription at a time.
 */
import { CloseCode, MessageType, parseMessage } from 'graphql-ws';

interface Subscription {
  /** True if the client has sent `complete`; the subscription ends soon. */
  completed: boolean;
  /** The text of the message that starts the next subscription of the same id, or null. */
  next: string | null;
}

/**
 * Passes messages on to `receive`, whose promise resolves when a subscription is completely over. graphql-ws removes
 * its state of a subscription, by id, some time after the client's `complete`. It would then remove the state of a new
 * subscription with the same id, or leave the old one running with nothing to end it. A new subscription with that id
 * therefore waits until the old one is over. A subscribe message whose id is active or already waiting closes the
 * socket with 4409, and a message that only servers send closes it with 4400.
 */
export function guardSubscriptionIds(
  receive: (text: string) => Promise<void>,
  close: (code: number, reason: string) => void,
): (text: string) => Promise<void> {
  const subscriptions = new Map<string, Subscription>();

  async function run(id: string, first: string): Promise<void> {
    const subscription: Subscription = { completed: false, next: first };
    subscriptions.set(id, subscription);
    try {
      for (let text = subscription.next; text !== null; text = subscription.next) {
        Object.assign(subscription, { completed: false, next: null });
        await receive(text);
      }
    } finally {
      subscriptions.delete(id);
    }
  }

  return async (text) => {
    const message = findMessage(text);
    switch (message?.type) {
      case MessageType.Subscribe: {
        const earlier = subscriptions.get(message.id);
        if (!earlier) return run(message.id, text);
        if (!earlier.completed || earlier.next !== null)
          return close(CloseCode.SubscriberAlreadyExists, `Subscriber for ${message.id} already exists`);
        earlier.next = text;
        return;
      }
      case MessageType.Complete: {
        const subscription = subscriptions.get(message.id);
        if (subscription) Object.assign(subscription, { completed: true, next: null });
        return receive(text);
      }
      case MessageType.ConnectionAck:
      case MessageType.Next:
      case MessageType.Error:
        return close(CloseCode.BadRequest, 'Invalid message received');
      default:
        return receive(text);
    }
  };
}

/** Parses a message. Returns null for an invalid one, which graphql-ws itself rejects. */
function findMessage(text: string) {
  try {
    return parseMessage(text);
  } catch {
    return null;
  }
}
