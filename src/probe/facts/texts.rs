//! Every text of a server in the facts, so that a secret which it echoes can be taken out of all of them.

use super::Facts;
use crate::wire::injection::Fate;
use crate::wire::{Capabilities, Greeting};

impl Facts {
    /// Puts every text of the server through `clean`; texts of the certificate, which was there before, apart.
    pub(in crate::probe) fn clean(&mut self, clean: impl Fn(&str) -> String) {
        let clean = &clean;
        self.connect.reword(clean);
        self.greeting.reword(clean);
        self.before_tls.reword(clean);
        self.starttls.reword(clean);
        self.tls.reword(clean);
        self.after_tls.reword(clean);
        self.login.reword(clean);
        for greeting in self.greeting.value_mut().into_iter().chain(&mut self.turned_away) {
            clean_greeting(greeting, clean);
        }
        for listed in [&mut self.before_tls, &mut self.after_tls].into_iter().filter_map(|it| it.value_mut())
        {
            clean_list(listed, clean);
        }
        if let Some(signed_in) = self.login.value_mut() {
            signed_in.account.clean(clean);
        }
        if let Some(injection) = &mut self.injection {
            injection.reword(clean);
            if let Some(Fate::Refused(words) | Fate::Answered(words)) = injection.value_mut() {
                *words = clean(words);
            }
        }
        self.notes.iter_mut().for_each(|note| *note = clean(note));
    }
}

fn clean_greeting(greeting: &mut Greeting, clean: &impl Fn(&str) -> String) {
    greeting.text = clean(&greeting.text);
    greeting.raw = clean(&greeting.raw);
    greeting.capabilities.iter_mut().for_each(|listed| clean_list(listed, clean));
}

fn clean_list(listed: &mut Capabilities, clean: &impl Fn(&str) -> String) {
    for texts in [&mut listed.list, &mut listed.mechanisms, &mut listed.notes] {
        texts.iter_mut().for_each(|text| *text = clean(text));
    }
}
