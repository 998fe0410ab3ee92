//! The characters of Unicode that a person does not see, or that change how others are seen.

/// True for characters that are not seen, hide others or turn the direction of a text: those of the Unicode category
/// Cf or with the property `Default_Ignorable_Code_Point`, line and paragraph separators, the letters that fill a place
/// with nothing, and what is no character for ever.
pub fn is_unseen(found: char) -> bool {
    let is_noncharacter = u32::from(found) & 0xfffe == 0xfffe || matches!(found, '\u{fdd0}'..='\u{fdef}');
    is_noncharacter
        || matches!(
            found,
            '\u{ad}'
                | '\u{34f}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{890}'..='\u{891}'
                | '\u{8e2}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{110bd}'
                | '\u{110cd}'
                | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}
