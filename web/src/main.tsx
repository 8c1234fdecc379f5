// SPDX-License-Identifier: AGPL-3.0-or-later
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/wall.css';
import './styles/timeline.css';
import './styles/cameras.css';
import './styles/cases.css';
import { render } from 'preact';
import { language, setLanguage } from './i18n';
import { dispatch } from './lib/keys';
import { applyTheme } from './lib/prefs';
import { phase, start } from './lib/session';
import { Door } from './pages/door';
import { Shell } from './pages/shell';
import { Toasts } from './ui';

setLanguage(language.value);
applyTheme();
addEventListener('keydown', dispatch);
void start();

const App = () => (
  <>
    {phase.value === 'in' ? <Shell /> : <Door />}
    <Toasts />
  </>
);
render(<App />, document.getElementById('app')!);
