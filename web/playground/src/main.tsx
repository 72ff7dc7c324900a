import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './page.css';
import { createLocalStorage } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { prepareHeaders } from './authorization.ts';
import { loadConfig, type PlaygroundConfig } from './config.ts';
import { createFetcher } from './fetcher.ts';
import { prepareTabs } from './tabs.ts';

/**
 * Headers are not stored and there is no history (it would store them too): a tab kept from an earlier visit
 * takes the default headers, and so the key of today.
 */
function Playground({ config }: { readonly config: PlaygroundConfig }) {
  return (
    <>
      {config.sandbox && <p className="banner">Sandbox: results are samples, nothing is paid</p>}
      <GraphiQL
        fetcher={createFetcher(config)}
        storage={createLocalStorage({ namespace: 'motion-playground' })}
        defaultTabs={prepareTabs(config.sandbox)}
        defaultHeaders={JSON.stringify(prepareHeaders(config.apiKey), null, 2)}
        shouldPersistHeaders={false}
        showPersistHeadersSettings={false}
        defaultEditorToolsVisibility={config.apiKey === null ? 'headers' : 'variables'}
        plugins={[]}
      />
    </>
  );
}

const root = createRoot(document.getElementById('root')!);
loadConfig().then(
  (config) => root.render(<Playground config={config} />),
  (error: unknown) => root.render(<p className="banner">The playground cannot start: {String(error)}</p>),
);
